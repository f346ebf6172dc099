#include "agent/past_pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ids.h"
#include "storage/database.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr UtcTime kBegin{1'790'000'000s};

class PastPicturesTest : public testing::Test {
 protected:
  void put(Container container, const std::string& trigger) {
    Clip clip;
    clip.clip_id = new_id(kBegin);
    clip.recording_id = new_id();
    clip.camera_id = "front";
    clip.state = ClipState::ready;
    clip.start = kBegin;
    clip.end = kBegin + 10s;
    clip.codec = "h264";
    clip.container = container;
    clip.trigger = trigger;
    clip.sha256 = std::string(64, 'a');
    clip.path = Layout::clip_path(clip.camera_id, clip.clip_id, clip.start);
    ASSERT_TRUE(catalog_.finish_clip(clip, {}, {}));
  }
  Error why_not() {
    SnapshotTake request;
    request.camera_id = "front";
    const auto found = find_past(ring_, request, kBegin + 5s, layout_, catalog_, clock_, {});
    EXPECT_FALSE(found);
    return found ? Error{} : found.error();
  }

  test::TempDir dir_;
  Layout layout_{dir_.path(), "edge-01", ""};
  std::unique_ptr<Database> database_ = Database::open(layout_.database()).value();
  Catalog catalog_{*database_};
  test::FakeClock clock_;
  Ring ring_{RingLimits{}};
};

TEST_F(PastPicturesTest, ItIsSaidWhyAClipGivesNone) {
  EXPECT_EQ(why_not().code, Code::not_found);
  put(Container::mp4, kImportTrigger);
  EXPECT_EQ(why_not().code, Code::unsupported);
  EXPECT_THAT(why_not().message, HasSubstr("handed in (imported)"));
  EXPECT_THAT(why_not().message, Not(HasSubstr("ts or flv")));
  put(Container::ts, "command");
  EXPECT_THAT(why_not().message, HasSubstr("handed in (imported), and in a ts or flv clip (other_container)"));
}

TEST_F(PastPicturesTest, OfAnotherContainerNothingIsSaidOfImports) {
  put(Container::flv, "command");
  EXPECT_EQ(why_not().code, Code::unsupported);
  EXPECT_THAT(why_not().message, HasSubstr("only in a ts or flv clip (other_container)"));
  EXPECT_THAT(why_not().message, Not(HasSubstr("imported")));
}

}  // namespace
}  // namespace vedette
