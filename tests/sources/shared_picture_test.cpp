#include "sources/pictures/shared_picture.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace vedette {
namespace {

class SharedPictureTest : public testing::Test {
 protected:
  Result<std::string> fetch(MonoTime deadline, const std::stop_token&) {
    ++asked;
    clock.advance(takes);
    if (clock.mono() > deadline) return fail(Code::timed_out, "too slow");
    if (failing != Code::ok) return fail(failing, "no");
    return "picture " + std::to_string(asked);
  }
  // Asked for so long ago.
  std::string get(microseconds ago, bool fresh = false, microseconds limit = 10s) {
    const auto shot = picture.get({clock.mono() - ago, fresh, clock.mono() + limit}, {});
    return shot ? *shot->jpeg : std::string(code_name(shot.error().code));
  }

  test::FakeClock clock;
  microseconds takes = 200ms;
  Code failing = Code::ok;
  int asked = 0;
  SharedPicture picture{[this](MonoTime deadline, const std::stop_token& stop) { return fetch(deadline, stop); }, 0us,
                        clock};
};

TEST_F(SharedPictureTest, FiftyAtOnceCostOneRequest) {
  for (int i = 0; i < 50; ++i) EXPECT_EQ(get(i == 0 ? 0us : 200ms), "picture 1");
  EXPECT_EQ(asked, 1);
}

TEST_F(SharedPictureTest, FiftyFreshOnesAtOnceCostTwo) {
  EXPECT_EQ(get(0us, true), "picture 1");
  // They asked while the first was under way: it may show what was before.
  const MonoTime received = clock.mono() - 100ms;
  for (int i = 0; i < 49; ++i) EXPECT_EQ(get(clock.mono() - received, true), "picture 2");
  EXPECT_EQ(asked, 2);
}

TEST_F(SharedPictureTest, IsNotServedWhenItIsOld) {
  EXPECT_EQ(get(0us), "picture 1");
  clock.advance(SharedPicture::kRecent);
  EXPECT_EQ(get(0us), "picture 1");
  clock.advance(1us);
  EXPECT_EQ(get(0us), "picture 2");
}

TEST_F(SharedPictureTest, TheFailureOfOneIsThatOfAllWhoWaited) {
  failing = Code::camera_unavailable;
  EXPECT_EQ(get(0us), "camera_unavailable");
  EXPECT_EQ(get(100ms), "camera_unavailable");
  EXPECT_EQ(asked, 1);
  clock.advance(1ms);
  failing = Code::ok;
  EXPECT_EQ(get(0us), "picture 2");
}

TEST_F(SharedPictureTest, WhoHasMoreTimeIsNotTimedOutWithOthers) {
  EXPECT_EQ(get(0us, false, 100ms), "timed_out");
  EXPECT_EQ(get(100ms, false, 10s), "picture 2");
  EXPECT_EQ(get(0us, true, 0us), "timed_out");
  EXPECT_EQ(asked, 2) << "nothing is asked without time";
}

TEST_F(SharedPictureTest, IsForgottenWhenItIsOfNoMoreUse) {
  EXPECT_EQ(get(0us), "picture 1");
  picture.forget();
  EXPECT_EQ(get(0us), "picture 1");
  clock.advance(SharedPicture::kRecent + 1us);
  picture.forget();
  EXPECT_EQ(get(SharedPicture::kRecent), "picture 2") << "one that asked long ago would have got it";
}

// With the time of day, as the pause is waited for.
TEST(SharedPicturePauseTest, IsNotAskedForFasterThanTheCameraBears) {
  std::vector<MonoTime> asked;
  SharedPicture picture(
      [&](MonoTime, const std::stop_token&) -> Result<std::string> {
        asked.push_back(Clock::system().mono());
        return std::string("x");
      },
      300ms, Clock::system());
  for (int i = 0; i < 3; ++i) {
    const MonoTime now = Clock::system().mono();
    EXPECT_TRUE(picture.get({now, true, now + 10s}, {}));
  }
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_GE(asked[1] - asked[0], 300ms);
  EXPECT_GE(asked[2] - asked[1], 300ms);
  std::stop_source stop;
  stop.request_stop();
  const MonoTime now = Clock::system().mono();
  EXPECT_EQ(picture.get({now, true, now + 10s}, stop.get_token()).error().code, Code::cancelled);
}

}  // namespace
}  // namespace vedette
