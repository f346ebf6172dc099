#include "ctl/download.h"

#include <gtest/gtest.h>

#include "core/sha256.h"
#include "tests/ctl/object_store.h"
#include "tests/support/tcp_proxy.h"

namespace vedette::ctl {

namespace {

class DownloadTest : public testing::Test {
 protected:
  Download what(const std::string& path) const {
    return {store_.url(path), "", dir_.path() / "clip.mp4", sha256_hex(content_)};
  }
  bool has_target() const { return std::filesystem::exists(dir_.path() / "clip.mp4"); }
  bool has_part() const { return std::filesystem::exists(dir_.path() / "clip.mp4.part"); }

  void SetUp() override {
    // More than two pieces, and not a round number of them.
    for (int i = 0; content_.size() < 20'000'001; ++i) content_ += std::to_string(i * 7919LL);
    store_.put("clip", content_);
    store_.put("small", "small");
    store_.put("empty", "");
  }

  std::string content_;
  test::TempDir dir_;
  test::ObjectStore store_;
};

}  // namespace

TEST_F(DownloadTest, FetchesInPiecesAndVerifies) {
  int64_t last = 0;
  int pieces = 0;
  const Status status = download(what("clip?X-Amz-Signature=abc"), [&](int64_t done, int64_t total) {
    EXPECT_GT(done, last);
    EXPECT_EQ(total, static_cast<int64_t>(content_.size()));
    last = done;
    ++pieces;
  });
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_GT(pieces, 3) << "also while a piece comes";
  EXPECT_EQ(last, static_cast<int64_t>(content_.size()));
  EXPECT_EQ(test::read_text(dir_.path() / "clip.mp4"), content_);
  EXPECT_FALSE(has_part());
}

TEST_F(DownloadTest, TriesAPieceAgainWhenTheStoreIsBusy) {
  EXPECT_TRUE(download(what("busy/clip")));
  EXPECT_TRUE(has_target());
}

TEST_F(DownloadTest, TakesAServerThatKnowsNoRanges) {
  Download small = what("no-range/small");
  small.sha256 = sha256_hex("small");
  EXPECT_TRUE(download(small));
  EXPECT_EQ(test::read_text(dir_.path() / "clip.mp4"), "small");
}

TEST_F(DownloadTest, LeavesNothingBehindWhenTheContentIsAnother) {
  Download wrong = what("small");
  EXPECT_EQ(download(wrong).error().code, Code::conflict);
  EXPECT_FALSE(has_target());
  EXPECT_FALSE(has_part());
}

TEST_F(DownloadTest, SaysWhyThereIsNothing) {
  EXPECT_EQ(download(what("absent")).error().code, Code::not_found);
  const Status expired = download(what("clip?X-Amz-Signature=expired"));
  EXPECT_EQ(expired.error().code, Code::forbidden);
  EXPECT_EQ(expired.error().message.find("X-Amz"), std::string::npos);
  EXPECT_EQ(download({"http://127.0.0.1:1/clip", "", dir_.path() / "clip.mp4", ""}).error().code,
            Code::camera_unavailable);
  EXPECT_FALSE(has_target());
  EXPECT_FALSE(has_part());
}

TEST_F(DownloadTest, GoesOnWhereTheConnectionWasCut) {
  test::TcpProxy proxy(store_.url(""));
  Download cut = what("clip");
  cut.url = proxy.endpoint() + "/clip";
  proxy.away_after_down(12'000'000);
  const Status lost = download(cut);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::camera_unavailable) << lost.error().message;
  EXPECT_FALSE(has_target());
  const auto came = std::filesystem::file_size(dir_.path() / "clip.mp4.part");
  EXPECT_GT(came, 0u);
  EXPECT_LT(came, content_.size());

  const int64_t before = proxy.bytes_down();
  proxy.set_away(false);
  const Status whole = download(cut);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(test::read_text(dir_.path() / "clip.mp4"), content_);
  EXPECT_FALSE(has_part());
  const auto rest = static_cast<int64_t>(content_.size() - came);
  EXPECT_GE(proxy.bytes_down() - before, rest);
  EXPECT_LT(proxy.bytes_down() - before, rest + 10'000) << "only what was missing";
}

TEST_F(DownloadTest, APartOfSomethingElseIsFetchedAnew) {
  for (const std::string& left : {std::string("half of something else"), content_ + "more", content_.substr(1)}) {
    test::write_text(dir_.path() / "clip.mp4.part", left);
    const Status status = download(what("clip"));
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(test::read_text(dir_.path() / "clip.mp4"), content_);
    EXPECT_FALSE(has_part());
  }
  test::write_text(dir_.path() / "clip.mp4.part", "mall");
  Download unknown = what("small");
  unknown.sha256.clear();
  ASSERT_TRUE(download(unknown));
  EXPECT_EQ(test::read_text(dir_.path() / "clip.mp4"), "small") << "what cannot be checked is not gone on with";
}

TEST_F(DownloadTest, APartThatIsWholeAlreadyIsKept) {
  test::write_text(dir_.path() / "clip.mp4.part", content_);
  EXPECT_TRUE(download(what("clip")));
  EXPECT_EQ(test::read_text(dir_.path() / "clip.mp4"), content_);
}

TEST_F(DownloadTest, WrongContentIsRefusedAndRemovedWhateverWasThere) {
  test::write_text(dir_.path() / "clip.mp4.part", "sm");
  Download wrong = what("small");
  EXPECT_EQ(download(wrong).error().code, Code::conflict);
  EXPECT_FALSE(has_target());
  EXPECT_FALSE(has_part());
}

TEST_F(DownloadTest, AnObjectThatIsExchangedMeanwhileIsNotMixed) {
  Download changing = what("changing/clip");
  const Status status = download(changing);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("412"), std::string::npos) << status.error().message;
  EXPECT_FALSE(has_target());
}

}  // namespace vedette::ctl
