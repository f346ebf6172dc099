// The pictures beside clips: made once, before the clip goes, and gone with it.
#include <sys/stat.h>

#include "core/sha256.h"
#include "storage/clip_remover.h"
#include "storage/poster_maker.h"
#include "storage/reindex.h"
#include "storage/retention.h"
#include "tests/storage/recorder_rig.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

struct PosterTest : ClipRecorderTest {
  PosterTest() { with_posters(); }
  void with_posters() { store.catalog = std::make_unique<Catalog>(*store.database, ManifestIssuer{}, true); }

  Clip recorded(MonoTime start, MonoTime end, Container container = Container::mp4) {
    RecordingSpec wanted = spec(start, end);
    wanted.container = container;
    record(wanted);
    return reports.clips().back();
  }
  Clip pattern_clip(Container container = Container::mp4) {
    Pattern camera(begin);
    push(camera.until(begin + 5s));
    return recorded(begin + 1s + 480ms, begin + 4s, container);
  }
  int make_all() {
    int settled = 0;
    PosterMaker maker(store.layout, *store.catalog, clock);
    EXPECT_TRUE(maker.run({}, [&] { ++settled; }));
    return settled;
  }
  std::filesystem::path poster_of(const Clip& clip) const { return Layout::poster_path(file_of(clip)); }
  std::string state_of(const Clip& clip) const {
    for (const std::string state : {"", "wanted", "made", "failed"})
      if (store.number("SELECT count(*) FROM clip WHERE clip_id = '" + clip.clip_id + "' AND poster = '" + state + "'"))
        return state;
    return "gone";
  }
  std::vector<Upload> upload_all() {
    std::vector<Upload> out;
    while (auto upload = store.catalog->claim_upload(clock.utc()).value()) {
      EXPECT_TRUE(store.catalog->finish_upload(upload->row, "e", {}));
      out.push_back(std::move(*upload));
    }
    return out;
  }
  std::vector<Upload> claim_all(seconds later = 0s) {
    std::vector<Upload> out;
    while (auto upload = store.catalog->claim_upload(clock.utc() + later).value()) out.push_back(std::move(*upload));
    return out;
  }
  // How many clips go because they are uploaded.
  int delete_uploaded() {
    ClipRemover remover(store.layout, *store.catalog, clock);
    RetentionLimits limits;
    limits.delete_uploaded = true;
    return Retention(store.layout, *store.catalog, remover, limits, clock).pass()->deleted;
  }
};

std::string size_of(const std::filesystem::path& picture) {
  return run_or_throw({"ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "stream=codec_name,width,height",
                       picture.string()});
}

TEST_F(PosterTest, IsUploadedBeforeItsClipWhichWaitsForIt) {
  const Clip clip = pattern_clip();
  EXPECT_TRUE(upload_all().empty()) << "the clip does not go before its poster";
  EXPECT_LE(store.catalog->next_upload_at().value().value(), clock.utc() + 60s) << "but it does not wait for long";
  EXPECT_EQ(make_all(), 1);
  EXPECT_EQ(size_of(poster_of(clip)), "mjpeg,160,90\n");

  const Upload poster = store.catalog->claim_upload(clock.utc()).value().value();
  EXPECT_EQ(poster.kind, "poster");
  const std::string bytes = read_text(poster_of(clip));
  EXPECT_EQ(poster.size_bytes, static_cast<int64_t>(bytes.size()));
  EXPECT_EQ(poster.sha256, sha256_hex(bytes));
  EXPECT_EQ(store.layout.absolute(poster.path), poster_of(clip));
  EXPECT_EQ(poster.content_type, "image/jpeg");

  EXPECT_FALSE(store.catalog->clip(clip.clip_id)->poster_key) << "the store does not have it yet";
  EXPECT_TRUE(upload_all().empty()) << "and the clip waits until it has";
  ASSERT_TRUE(store.catalog->finish_upload(poster.row, "e", {}));
  EXPECT_EQ(store.catalog->clip(clip.clip_id)->poster_key, poster.object_key);
  const auto uploads = upload_all();
  ASSERT_EQ(uploads.size(), 1u);
  EXPECT_EQ(uploads[0].kind, "clip");
  const std::string& key = uploads[0].object_key;
  EXPECT_EQ(poster.object_key, key.substr(0, key.size() - 4) + ".jpg");
}

// How alike two pictures are, in dB; alike to the last bit: 99.
int psnr_db(const std::filesystem::path& one, const std::filesystem::path& other) {
  const std::string out = run_or_throw({"sh", "-c",
                                        "ffmpeg -hide_banner -i '" + one.string() + "' -i '" + other.string() +
                                            "' -lavfi psnr -f null - 2>&1 | grep -o 'average:[0-9inf]*'"});
  return out.find("inf") == std::string::npos ? std::stoi(out.substr(8)) : 99;
}

TEST_F(PosterTest, IsWhatTheClipShowsFirst) {
  push_film(Footage::h264_aac_1080p25);
  const Clip clip = recorded(begin + 1s + 300ms, begin + 4s);
  ASSERT_EQ(make_all(), 1);
  EXPECT_EQ(size_of(poster_of(clip)), "mjpeg,960,540\n") << "no larger than it need be";
  const auto frame = [&](const char* name, const char* from) {
    const std::filesystem::path path = store.dir.path() / name;
    run_or_throw({"ffmpeg", "-v", "error", "-ss", from, "-i", file_of(clip).string(), "-frames:v", "1", "-vf",
                  "scale=960:540", path.string()});
    return path;
  };
  // Scaled by another program: what is sharp, as in generated pictures, comes out a little differently.
  const int first = psnr_db(poster_of(clip), frame("first.png", "0"));
  const int later = psnr_db(poster_of(clip), frame("later.png", "0.4"));
  EXPECT_GE(first, 24);
  EXPECT_GE(first, later) << "it is a frame of later";
}

struct PosterContainerTest : PosterTest, testing::WithParamInterface<Container> {};

INSTANTIATE_TEST_SUITE_P(, PosterContainerTest, testing::Values(Container::ts, Container::flv),
                         [](const auto& it) { return std::string(container_name(it.param)); });

TEST_P(PosterContainerTest, IsMadeOfOthersToo) {
  const Clip clip = pattern_clip(GetParam());
  ASSERT_EQ(clip.container, GetParam());
  EXPECT_EQ(make_all(), 1);
  EXPECT_EQ(size_of(poster_of(clip)), "mjpeg,160,90\n");
}

TEST_F(PosterTest, ThatCannotBeMadeHoldsUpNobody) {
  const Clip clip = pattern_clip();
  write_text(file_of(clip), "this is no film");
  EXPECT_EQ(make_all(), 1);
  EXPECT_EQ(state_of(clip), "failed");
  EXPECT_FALSE(std::filesystem::exists(poster_of(clip)));
  const auto uploads = upload_all();
  ASSERT_EQ(uploads.size(), 1u);
  EXPECT_EQ(uploads[0].kind, "clip");
  EXPECT_EQ(make_all(), 0) << "nor is it tried again";
}

TEST_F(PosterTest, IsNotMadeTwiceAfterAKillAndNotAwaitedForEver) {
  const Clip clip = pattern_clip();
  write_text(poster_of(clip), "made, when the kill came");
  store.reopen();
  with_posters();
  ASSERT_TRUE(store.catalog->reset_uploads());
  EXPECT_TRUE(upload_all().empty()) << "it is still awaited after a start";
  EXPECT_EQ(make_all(), 1);
  EXPECT_EQ(read_text(poster_of(clip)), "made, when the kill came");
  EXPECT_EQ(upload_all().size(), 2u);
  store.reopen();
  with_posters();
  EXPECT_EQ(make_all(), 0);
}

TEST_F(PosterTest, ClipGoesAloneWhenItsPosterTakesTooLong) {
  pattern_clip();
  const auto alone = store.catalog->claim_upload(clock.utc() + 31s).value();
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->kind, "clip");
  EXPECT_EQ(make_all(), 1);
  EXPECT_EQ(upload_all().size(), 1u) << "the poster comes later";
}

TEST_F(PosterTest, GoesWithItsClipAndCountsUntilThen) {
  const Clip clip = pattern_clip();
  make_all();
  const auto size = static_cast<int64_t>(std::filesystem::file_size(poster_of(clip)));
  EXPECT_EQ(store.catalog->usage().value().at(0).all().bytes, clip.size_bytes + size);
  DeletableQuery waiting;
  waiting.awaiting_upload = true;
  EXPECT_EQ(store.catalog->deletable(waiting).value().at(0).size_bytes, clip.size_bytes + size);
  ClipRemover remover(store.layout, *store.catalog, clock);
  const auto removed = remover.remove({clip.clip_id}, {"command", "deleted_before_upload", true, true, {}, {}});
  ASSERT_TRUE(removed && removed->failed.empty());
  EXPECT_TRUE(files().empty());
  EXPECT_TRUE(upload_all().empty());
  EXPECT_TRUE(store.catalog->usage().value().empty());
}

TEST_F(PosterTest, KeepsItsClipUntilTheStoreHasBothAndTheManifest) {
  store.catalog = std::make_unique<Catalog>(*store.database, ManifestIssuer{"edge-01", nullptr, true}, true);
  const Clip clip = pattern_clip();
  const auto manifest = store.catalog->claim_upload(clock.utc()).value();
  ASSERT_TRUE(manifest);
  ASSERT_EQ(manifest->kind, "manifest");
  ASSERT_TRUE(store.catalog->fail_upload(manifest->row, "busy", clock.utc() + 1h, {}));
  const auto uploads = claim_all(31s);  // it waits neither for its manifest nor for its poster any longer
  ASSERT_EQ(uploads.size(), 1u);
  ASSERT_TRUE(store.catalog->finish_upload(uploads[0].row, "e", {}));
  ASSERT_FALSE(store.catalog->clip(clip.clip_id)->awaits_upload);
  EXPECT_EQ(delete_uploaded(), 0) << "the poster is not made yet";
  ASSERT_EQ(make_all(), 1);
  EXPECT_EQ(delete_uploaded(), 0) << "nor is it in the store";
  const auto poster = claim_all();
  ASSERT_EQ(poster.size(), 1u);
  EXPECT_EQ(delete_uploaded(), 0) << "it is under way";
  ASSERT_TRUE(store.catalog->finish_upload(poster[0].row, "e", {}));
  EXPECT_EQ(delete_uploaded(), 0) << "the manifest will be tried again";
  ASSERT_EQ(claim_all(2h).size(), 1u);
  EXPECT_EQ(delete_uploaded(), 0) << "the manifest is under way";
  ASSERT_TRUE(store.catalog->finish_upload(manifest->row, "e", {}));
  EXPECT_EQ(delete_uploaded(), 1);
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(store.losses->count().value(), 0);
}

TEST_F(PosterTest, ThatCannotBeMadeKeepsNoClip) {
  const Clip clip = pattern_clip();
  write_text(file_of(clip), "this is no film");
  ASSERT_EQ(make_all(), 1);
  const auto uploads = claim_all();
  ASSERT_EQ(uploads.size(), 1u);
  ASSERT_TRUE(store.catalog->finish_upload(uploads[0].row, "e", {}));
  EXPECT_EQ(delete_uploaded(), 1);
}

TEST_F(PosterTest, ThatIsGivenUpKeepsNoClip) {
  pattern_clip();
  ASSERT_EQ(make_all(), 1);
  const auto poster = claim_all();
  ASSERT_EQ(poster.size(), 1u);
  ASSERT_TRUE(store.catalog->fail_upload(poster[0].row, "another is there", std::nullopt, {}));
  const auto uploads = claim_all();
  ASSERT_EQ(uploads.size(), 1u);
  ASSERT_TRUE(store.catalog->finish_upload(uploads[0].row, "e", {}));
  EXPECT_EQ(delete_uploaded(), 1);
}

TEST_F(PosterTest, ThatNobodyMakesAnyMoreKeepsNoClip) {
  pattern_clip();
  const auto uploads = claim_all(31s);
  ASSERT_EQ(uploads.size(), 1u);
  ASSERT_TRUE(store.catalog->finish_upload(uploads[0].row, "e", {}));
  EXPECT_EQ(delete_uploaded(), 0);
  store.catalog = std::make_unique<Catalog>(*store.database);  // a start without upload.poster
  EXPECT_EQ(delete_uploaded(), 1);
}

TEST_F(PosterTest, OfAClipThatIsDeletedMeanwhileIsNotLeft) {
  const Clip clip = pattern_clip();
  const auto before = store.catalog->next_wanted_poster().value();
  ASSERT_TRUE(before);
  ASSERT_TRUE(store.catalog->begin_deletions({clip.clip_id}, {"command", "", true, true, {}, {}}, clock.utc()));
  EXPECT_EQ(store.catalog->finish_poster(clip.clip_id, 1, "x").error().code, Code::not_found);
  EXPECT_EQ(make_all(), 0);
}

TEST_F(PosterTest, ComesBackWithAClipThatIsIndexedAgain) {
  const Clip clip = pattern_clip();
  ASSERT_EQ(make_all(), 1);
  const auto made = std::filesystem::last_write_time(poster_of(clip));
  store.close();
  ASSERT_TRUE(reindex(store.layout, {}, clock, true));
  store.reopen();
  with_posters();
  EXPECT_EQ(state_of(clip), "wanted");
  EXPECT_EQ(make_all(), 1);
  EXPECT_EQ(std::filesystem::last_write_time(poster_of(clip)), made) << "it was there";
  EXPECT_EQ(upload_all().size(), 2u);
}

TEST_F(PosterTest, IsNotMadeOfAClipThatNobodyWouldSee) {
  Clip never = make_clip("front", kNow + 20s, 10s);
  never.upload_wanted = false;
  ASSERT_TRUE(store.catalog->index_clips({{never, std::nullopt}}));
  EXPECT_EQ(state_of(never), "") << "nobody would see it";
}

}  // namespace
}  // namespace vedette::test
