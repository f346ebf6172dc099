#include "sources/events/event_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace vedette {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using What = CameraSign::What;

class EventTrackerTest : public testing::Test {
 protected:
  // "+VMD" for what began, "-VMD 5000" for what is over after so many ms.
  std::vector<std::string> at(milliseconds when, What what, const std::string& type = "VMD") {
    std::vector<CameraEvent> events;
    tracker->take({CameraEventType::motion, type, what, 1}, kBegin + when, events);
    return texts(events);
  }
  std::vector<std::string> expired(milliseconds when) {
    std::vector<CameraEvent> events;
    tracker->expire(kBegin + when, events);
    return texts(events);
  }
  static std::vector<std::string> texts(const std::vector<CameraEvent>& events) {
    std::vector<std::string> out;
    for (const CameraEvent& event : events)
      out.push_back(event.started ? "+" + event.vendor_type
                                  : "-" + event.vendor_type + " " + std::to_string(to_ms(event.duration)));
    return out;
  }
  void use(bool repeats) { tracker.emplace(EventTracker::Rules{10s, repeats}); }

  static constexpr MonoTime kBegin{1000s};
  std::optional<EventTracker> tracker{EventTracker::Rules{10s, true}};
};

TEST_F(EventTrackerTest, WhatIsSaidAgainAndAgainIsOne) {
  EXPECT_THAT(at(0s, What::active), ElementsAre("+VMD"));
  for (int i = 1; i <= 30; ++i) EXPECT_THAT(at(seconds(i), What::active), IsEmpty());
  EXPECT_THAT(at(31s, What::inactive), ElementsAre("-VMD 31000"));
  EXPECT_THAT(at(32s, What::inactive), IsEmpty());
  EXPECT_EQ(tracker->next_due(), kNever);
}

TEST_F(EventTrackerTest, SilenceIsTheEndWhereACameraRepeats) {
  at(0s, What::active);
  at(5s, What::active);
  EXPECT_EQ(tracker->next_due(), kBegin + 15s);
  EXPECT_THAT(expired(14999ms), IsEmpty());
  EXPECT_THAT(expired(16s), ElementsAre("-VMD 15000"));
}

TEST_F(EventTrackerTest, SilenceIsNothingWhereItDoesNot) {
  use(false);
  at(0s, What::active);
  EXPECT_THAT(expired(std::chrono::hours(2)), IsEmpty());
  EXPECT_THAT(at(std::chrono::hours(3), What::inactive), ElementsAre("-VMD 10800000"));
}

TEST_F(EventTrackerTest, APulseLastsAMoment) {
  use(false);
  EXPECT_THAT(at(0s, What::pulse), ElementsAre("+VMD"));
  EXPECT_THAT(at(500ms, What::pulse), IsEmpty());
  EXPECT_THAT(expired(1499ms), IsEmpty());
  EXPECT_THAT(expired(1500ms), ElementsAre("-VMD 1500"));
  at(10s, What::active);
  at(11s, What::pulse);
  EXPECT_THAT(expired(60s), IsEmpty()) << "it still goes on";
}

TEST_F(EventTrackerTest, NoneIsShorterThanASecondSoThatFlutterIsOne) {
  EXPECT_THAT(at(0s, What::active), ElementsAre("+VMD"));
  for (int ms = 10; ms < 900; ms += 20) {
    EXPECT_THAT(at(milliseconds(ms), What::inactive), IsEmpty());
    EXPECT_THAT(at(milliseconds(ms + 10), What::active), IsEmpty());
  }
  EXPECT_THAT(at(910ms, What::inactive), IsEmpty());
  EXPECT_THAT(expired(1s), ElementsAre("-VMD 1000"));
}

TEST_F(EventTrackerTest, AfterALostConnectionWhatIsNotSaidAgainIsOver) {
  use(false);
  at(0s, What::active, "a");
  at(0s, What::active, "b");
  tracker->connection_lost(kBegin + 20s);
  EXPECT_THAT(at(25s, What::active, "a"), IsEmpty());
  tracker->connection_lost(kBegin + 26s);
  EXPECT_THAT(expired(30s), ElementsAre("-b 30000"));
  EXPECT_THAT(expired(36s), ElementsAre("-a 36000"));
}

TEST_F(EventTrackerTest, KindsAreCountedApartAndBounded) {
  for (int i = 0; i < 100; ++i) at(0s, What::active, "t" + std::to_string(i));
  EXPECT_EQ(expired(10s).size(), EventTracker::kMostOpen);
  EXPECT_THAT(at(11s, What::active, "t99"), ElementsAre("+t99"));
}

}  // namespace
}  // namespace vedette
