// Many broken documents from a few good ones: whatever arrives, the parser answers, and what it lets through is sound.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "core/json.h"
#include "core/text.h"

namespace vedette {
namespace {

constexpr int kRounds = 20'000;

const std::vector<std::string>& seeds() {
  static const std::vector<std::string> all = {
      R"({"v":1,"id":"0199aabb-ccdd-7eef-8011-223344556677","ts":"2026-11-20T08:31:29Z","params":{"camera_id":"front",)"
      R"("duration_ms":60000,"labels":["door","\u00e4\ud83d\ude00"],"upload":"auto"}})",
      R"([[[[{"a":[1,-2.5e-7,true,false,null,"\"\\\/\b\f\n\r\t"]}]]],{},[],18446744073709551615])",
      "{\"\xc3\xa4\":\"\xf0\x9f\x98\x80\",\"\":\"\"}",
  };
  return all;
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::string mutate(std::string text) {
    for (size_t times = 1 + below(4); times > 0; --times) change(text);
    return text;
  }

 private:
  size_t below(size_t most) { return std::uniform_int_distribution<size_t>(0, most - 1)(random_); }

  void change(std::string& text) {
    if (text.empty()) text = "{";
    const size_t at = below(text.size());
    const size_t length = 1 + below(std::min<size_t>(12, text.size() - at));
    switch (below(6)) {
      case 0:
        text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, text.substr(at, length));
        break;
      case 3:
        text.insert(at, 1, kSyntax[below(kSyntax.size())]);
        break;
      case 4:
        text.insert(at, std::string(below(40), below(2) ? '[' : '9'));
        break;
      default:
        text.insert(at, R"("a":1,"a":)");
    }
  }

  static constexpr std::string_view kSyntax = "{}[]:,\"\\/0-9eE.+tfn \n\x01\xff";
  std::mt19937 random_;
};

void expect_sound(const Json& json, int depth) {
  ASSERT_LE(depth, 16);
  if (json.is_string()) {
    EXPECT_TRUE(is_utf8(json.get_ref<const std::string&>()));
  }
  for (const auto& item : json.items()) {
    if (json.is_structured()) expect_sound(item.value(), depth + (item.value().is_structured() ? 1 : 0));
  }
}

TEST(JsonMutationTest, AnswersWhateverArrivesAndLetsThroughOnlyWhatIsSound) {
  int good = 0;
  for (unsigned round = 0; round < kRounds; ++round) {
    const std::string text = Mutator(round).mutate(seeds()[round % seeds().size()]);
    const auto parsed = parse_json(text, {});
    if (!parsed) {
      EXPECT_EQ(parsed.error().code, Code::invalid_json) << text;
      EXPECT_TRUE(is_utf8(to_text(Json(parsed.error().message))));
      continue;
    }
    ++good;
    expect_sound(*parsed, 1);
    const std::string again = to_text(*parsed);
    const auto second = parse_json(again, {});
    ASSERT_TRUE(second) << text << " became " << again;
    EXPECT_EQ(to_text(*second), again);
  }
  // Or the mutations say nothing.
  EXPECT_GT(good, kRounds / 100);
  EXPECT_LT(good, kRounds / 2);
}

// The reader on documents whose values are of every wrong kind.
TEST(JsonMutationTest, ReaderNeverGivesAValueOutsideOfWhatWasAskedFor) {
  const std::vector<Json> values = {nullptr,
                                    true,
                                    0,
                                    -1,
                                    5,
                                    5.0,
                                    5.5,
                                    1e300,
                                    UINT64_MAX,
                                    INT64_MIN,
                                    "",
                                    "x",
                                    std::string(2000, 'x'),
                                    Json::array(),
                                    Json::array({1}),
                                    Json::object()};
  for (const Json& value : values) {
    const Json document = {{"m", value}};
    std::vector<FieldError> errors;
    JsonReader reader(document, "", errors);
    if (const auto got = reader.integer("m", 1, 10)) {
      EXPECT_EQ(*got, 5) << value;
    }
    if (const auto got = reader.string("m", 1, 10)) {
      EXPECT_EQ(*got, "x") << value;
    }
    if (const auto got = reader.name("m")) {
      EXPECT_EQ(*got, "x") << value;
    }
    EXPECT_FALSE(reader.uuid("m")) << value;
    EXPECT_FALSE(reader.time("m")) << value;
    EXPECT_FALSE(reader.choice("m", {"a", "b"})) << value;
    EXPECT_GE(errors.size(), 3u) << value;
    for (const FieldError& error : errors) EXPECT_EQ(error.path, "/m");
  }
}

}  // namespace
}  // namespace vedette
