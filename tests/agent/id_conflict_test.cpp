#include "agent/id_conflict.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {
namespace {

class IdConflictTest : public testing::Test {
 protected:
  // One connection that somebody else ends.
  void taken_over(microseconds after = 5s, bool announced = false) {
    conflict.on_connected();
    clock.advance(after);
    conflict.on_taken_over(announced);
    conflict.on_disconnected();
  }
  std::vector<Json> events() {
    std::vector<Json> out;
    const auto rows = outbox.next(0, 100);
    for (const OutboxEvent& event : *rows) {
      EXPECT_EQ(event.type, "agent.id_in_use");
      out.push_back(Json::parse(event.data));
    }
    return out;
  }

  TempDir dir;
  FakeClock clock;
  std::unique_ptr<Database> database = std::move(*Database::open(dir.path() / "vedette.db"));
  Outbox outbox{*database};
  IdConflict conflict{outbox, clock};
};

TEST_F(IdConflictTest, IsAProblemWithARemedyAndAnEvent) {
  EXPECT_EQ(conflict.problem(), "");
  taken_over(5s, true);
  EXPECT_NE(conflict.problem().find("give each device a device_id of its own"), std::string::npos);
  ASSERT_EQ(events().size(), 1u);
  EXPECT_EQ(events()[0], Json({{"announced", true}, {"times", 1}, {"since", to_rfc3339(clock.utc())}}));
}

TEST_F(IdConflictTest, IsToldOnceAnHourWhileItGoesOn) {
  const std::string since = to_rfc3339(clock.utc() + 1min);
  for (int i = 0; i < 150; ++i) taken_over(1min);
  ASSERT_EQ(events().size(), 3u);
  EXPECT_EQ(events()[1]["times"], 61);
  EXPECT_EQ(events()[2]["times"], 121);
  EXPECT_EQ(events()[2]["since"], since);
  EXPECT_NE(conflict.problem().find("so far: 150"), std::string::npos) << conflict.problem();
}

TEST_F(IdConflictTest, IsOverWhenAConnectionLasts) {
  taken_over();
  clock.advance(IdConflict::kPeace);
  conflict.look();
  EXPECT_NE(conflict.problem(), "") << "we have no connection, so that nobody can be seen";
  conflict.on_connected();
  clock.advance(IdConflict::kPeace - 1s);
  conflict.look();
  EXPECT_NE(conflict.problem(), "");
  clock.advance(1s);
  conflict.look();
  EXPECT_EQ(conflict.problem(), "");
  conflict.on_disconnected();
  taken_over();
  EXPECT_EQ(events().size(), 2u) << "a new one, that begins to count anew";
  EXPECT_EQ(events()[1]["times"], 1);
}

}  // namespace
}  // namespace vedette::test
