// What the catalog costs: committing a clip (row, event and upload row, on the disk), asking it, writing a command
// down.
//
// The floor in the same run is SQLite alone: one row of the same size, inserted and committed on a connection with the
// same settings.
#include <benchmark/benchmark.h>
#include <sqlite3.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "bench/context.h"
#include "core/histogram.h"
#include "core/ids.h"
#include "core/log.h"
#include "storage/catalog.h"
#include "storage/command_log.h"
#include "storage/database.h"
#include "storage/outbox.h"
#include "storage/retention.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

constexpr int kClips = 1'000'000;
constexpr int64_t kQueued = 100'000;
constexpr UtcTime kBegin{1'780'000'000s};

void check(const Status& status) {
  if (!status) throw std::runtime_error(status.error().message);
}

Clip make_clip(int n) {
  Clip clip;
  clip.clip_id = new_id();
  clip.recording_id = clip.clip_id;
  clip.camera_id = "camera-" + std::to_string(n % 16);
  clip.start = kBegin + n * 60s;
  clip.end = clip.start + 60s;
  clip.size_bytes = 30'000'000;
  clip.codec = "h264";
  clip.width_px = 1920;
  clip.height_px = 1080;
  clip.audio = "aac";
  clip.sha256 = std::string(64, 'a');
  if (n % 100 == 0) clip.labels = {"person"};
  clip.boot_id = clip.clip_id;
  clip.path = "clips/" + clip.camera_id + "/2026/11/20/" + clip.clip_id + ".mp4";
  return clip;
}

Upload make_upload(const Clip& clip) {
  Upload upload;
  upload.kind = "clip";
  upload.subject_id = clip.clip_id;
  upload.camera_id = clip.camera_id;
  upload.path = clip.path;
  upload.object_key = "edge-01/" + clip.path;
  upload.content_type = "video/mp4";
  upload.size_bytes = clip.size_bytes;
  upload.sha256 = clip.sha256;
  upload.start = clip.start;
  upload.end = *clip.end;
  return upload;
}

struct Store {
  Store() {
    auto opened = Database::open(dir.path() / "vedette.db");
    if (!opened) throw std::runtime_error(opened.error().message);
    database = std::move(*opened);
    catalog = std::make_unique<Catalog>(*database);
  }
  test::TempDir dir;
  std::unique_ptr<Database> database;
  std::unique_ptr<Catalog> catalog;
};

void commit_bare_sqlite(benchmark::State& state) {
  const test::TempDir dir;
  sqlite3* db = nullptr;
  sqlite3_open((dir.path() / "bare.db").c_str(), &db);
  const auto run = [&](const char* sql) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(db));
  };
  run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(id TEXT PRIMARY KEY, x TEXT) WITHOUT ROWID");
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(db, "INSERT INTO t VALUES(?1, ?2)", -1, &insert, nullptr);
  const std::string row(400, 'x');
  for (auto _ : state) {
    const std::string id = new_id();
    sqlite3_bind_text(insert, 1, id.c_str(), -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(insert, 2, row.c_str(), -1, SQLITE_TRANSIENT);
    if (sqlite3_step(insert) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(db));
    sqlite3_reset(insert);
  }
  sqlite3_finalize(insert);
  sqlite3_close(db);
}
BENCHMARK(commit_bare_sqlite)->UseRealTime()->Unit(benchmark::kMicrosecond);

void commit_clip_event_upload(benchmark::State& state) {
  Store store;
  int n = 0;
  for (auto _ : state) {
    const Clip clip = make_clip(n++);
    const auto event = make_event("clip.ready", clip.camera_id, clip_event_data(clip), *clip.end);
    check(store.catalog->finish_clip(clip, {event}, make_upload(clip)));
  }
}
BENCHMARK(commit_clip_event_upload)->UseRealTime()->Unit(benchmark::kMicrosecond);

void commit_event(benchmark::State& state) {
  Store store;
  Outbox outbox(*store.database);
  const std::string data(400, 'x');
  for (auto _ : state) check(outbox.add(make_event("clip.ready", "camera-1", data, kBegin)));
}
BENCHMARK(commit_event)->UseRealTime()->Unit(benchmark::kMicrosecond);

// What the broker acknowledged goes 64 at a time; the figure is for one of them. It is read before, as for sending.
void read_and_remove_events(benchmark::State& state) {
  Store store;
  Outbox outbox(*store.database);
  int64_t last = 0;
  std::vector<Outbox::Outcome> taken;
  for (auto _ : state) {
    if (taken.empty()) {
      state.PauseTiming();
      check(store.database->write([&](Database::Access& db) {
        Status status;
        for (int i = 0; status && i < 64; ++i)
          status = Outbox::add(db, make_event("clip.ready", "camera-1", std::string(400, 'x'), kBegin));
        return status;
      }));
      state.ResumeTiming();
      const auto events = outbox.next(last, 64);
      for (const OutboxEvent& event : *events) taken.push_back({last = event.row});
      check(outbox.settle(taken));
    }
    taken.pop_back();
  }
}
BENCHMARK(read_and_remove_events)->UseRealTime()->Iterations(64 * 500)->Unit(benchmark::kMicrosecond);

void commit_command(benchmark::State& state) {
  Store store;
  const auto log = CommandLog::open(*store.database, store.dir.path() / "commands.journal");
  for (auto _ : state) {
    const CommandRecord command{new_id(), "recording.start", "alice", "vedette/v1/edge-01/reply/web", "c", kBegin, {}};
    const auto known = (*log)->begin(command);
    if (!known || *known) throw std::runtime_error("not written");
  }
}
BENCHMARK(commit_command)->UseRealTime()->Unit(benchmark::kMicrosecond);

// A command that only asks, and its reply: in the journal, and once in 20 made rows.
void log_question(benchmark::State& state) {
  Store store;
  const auto log = CommandLog::open(*store.database, store.dir.path() / "commands.journal");
  int count = 0;
  for (auto _ : state) {
    const CommandRecord command{new_id(), "agent.ping", "alice", "vedette/v1/edge-01/reply/web", "c", kBegin,
                                {},       {},           true};
    if (!(*log)->begin(command, Durability::kill)) throw std::runtime_error("not written");
    check((*log)->keep(command.command_id));
    check((*log)->finish(command.command_id, {std::string(300, 'r'), "succeeded", "ok"}, Durability::kill));
    if (++count % 20 == 0) check((*log)->told({command.command_id}));
  }
}
BENCHMARK(log_question)->UseRealTime()->Unit(benchmark::kMicrosecond);

// kClips clips of 16 cameras, a minute each, one in a hundred with a label, all with an upload row. In one transaction:
// filling is not what is measured.
Store& full_store() {
  static const auto store = [] {
    auto made = std::make_unique<Store>();
    check(made->catalog->finish_clip(make_clip(0), {}, make_upload(make_clip(0))));
    const auto fill = [&](const char* sql) {
      check(made->database->write([&](Database::Access& db) {
        return db.prepare(sql).bind(1, int64_t{kClips}).bind(2, kBegin.time_since_epoch().count()).run();
      }));
    };
    fill(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) INSERT INTO clip"
        "(clip_id, recording_id, camera_id, state, start_us, end_us, size_bytes, codec, width_px, height_px, audio, "
        "sha256, "
        "trigger, labels, lead_actual_ms, gaps, recovered, protected, command_id, traceparent, path, boot_id, "
        "mono_start_us, clock_synced, upload_wanted, priority) SELECT printf('%08x-0000-7000-8000-%012x', i, i), "
        "recording_id, 'camera-' || (i % 16), state, "
        "?2 + i * 60000000, ?2 + i * 60000000 + 60000000, size_bytes, codec, width_px, height_px, audio, sha256, "
        "trigger, labels, lead_actual_ms, gaps, recovered, protected, command_id, traceparent, path, boot_id, "
        "mono_start_us, clock_synced, upload_wanted, priority FROM n, (SELECT * FROM clip LIMIT 1)");
    fill(
        "INSERT INTO clip_label SELECT 'person', start_us, clip_id FROM clip "
        "WHERE (start_us - ?2) / 60000000 % 100 = 0 AND ?1 > 0 AND clip_id LIKE '%-0000-7000-%'");
    fill(
        "INSERT INTO upload(kind, subject_id, camera_id, path, object_key, content_type, size_bytes, sha256, start_us, "
        "end_us, priority, state, attempts, queued_us, next_try_us, command_id, traceparent) SELECT 'clip', clip_id, "
        "camera_id, path, path, 'video/mp4', size_bytes, sha256, start_us, end_us, 1, 'uploaded', 1, ?2, 0, '', '' "
        "FROM clip WHERE ?1 > 0");
    return made;
  }();
  return *store;
}

void query(benchmark::State& state, const ClipQuery& query) {
  Store& store = full_store();
  size_t clips = 0;
  Histogram took;
  for (auto _ : state) {
    const MonoTime begin = Clock::system().mono();
    const auto page = store.catalog->query(query);
    took.add(Clock::system().mono() - begin);
    if (!page) throw std::runtime_error(page.error().message);
    clips += page->clips.size();
  }
  state.counters["p99_us"] = static_cast<double>(HistogramWindow(took).next().p99.count());
  state.counters["clips"] = static_cast<double>(clips) / static_cast<double>(state.iterations());
}

void query_newest(benchmark::State& state) {
  ClipQuery q;
  q.newest_first = true;
  query(state, q);
}
BENCHMARK(query_newest)->Unit(benchmark::kMicrosecond);

void query_hour_of_camera(benchmark::State& state) {
  ClipQuery q;
  q.camera_id = "camera-3";
  q.from = kBegin + kClips / 2 * 60s;
  q.to = *q.from + 3600s;
  query(state, q);
}
BENCHMARK(query_hour_of_camera)->Unit(benchmark::kMicrosecond);

void query_label(benchmark::State& state) {
  ClipQuery q;
  q.labels = {"person"};
  q.from = kBegin + kClips / 2 * 60s;
  query(state, q);
}
BENCHMARK(query_label)->Unit(benchmark::kMicrosecond);

void get_clip(benchmark::State& state) {
  Store& store = full_store();
  ClipQuery q;
  q.limit = 1;
  const auto page = store.catalog->query(q);
  const std::string id = page->clips.at(0).clip_id;
  for (auto _ : state) benchmark::DoNotOptimize(store.catalog->clip(id));
}
BENCHMARK(get_clip)->Unit(benchmark::kMicrosecond);

void ask_usage(benchmark::State& state) {
  const Store& store = full_store();
  for (auto _ : state) benchmark::DoNotOptimize(store.catalog->usage());
}
BENCHMARK(ask_usage)->Unit(benchmark::kMicrosecond);

// Retention as the agent runs it, without files: what is measured is the catalog. Every limit is set.
RetentionLimits wide_limits() {
  RetentionLimits limits;
  limits.max_age = std::chrono::hours(24 * 365 * 100);
  limits.max_bytes = INT64_MAX / 2;
  limits.min_free_bytes = 1;
  for (int n = 0; n < 16; ++n) limits.camera_max_bytes["camera-" + std::to_string(n)] = INT64_MAX / 2;
  limits.delete_uploaded = true;
  return limits;
}

void pass(benchmark::State& state, int64_t bytes_too_much) {
  Store& store = full_store();
  const Layout layout{store.dir.path(), "edge-01", ""};
  ClipRemover remover(layout, *store.catalog, Clock::system());
  int64_t deleted = 0;
  for (auto _ : state) {
    state.PauseTiming();
    RetentionLimits limits = wide_limits();
    limits.delete_uploaded = false;
    if (bytes_too_much > 0) {
      limits.max_bytes = -bytes_too_much;
      const auto usage = store.catalog->usage();
      for (const CameraUsage& camera : *usage) limits.max_bytes += camera.all().bytes;
    }
    Retention retention(layout, *store.catalog, remover, limits, Clock::system());
    state.ResumeTiming();
    const auto passed = retention.pass();
    if (!passed) throw std::runtime_error(passed.error().message);
    deleted += passed->deleted;
  }
  state.counters["deleted"] = static_cast<double>(deleted) / static_cast<double>(state.iterations());
}

void pass_with_nothing_to_do(benchmark::State& state) {
  pass(state, 0);
}
BENCHMARK(pass_with_nothing_to_do)->UseRealTime()->Unit(benchmark::kMicrosecond);

void pass_of_100_clips(benchmark::State& state) {
  pass(state, 100 * 30'000'000LL - 1);
}
BENCHMARK(pass_of_100_clips)->UseRealTime()->Iterations(50)->Unit(benchmark::kMillisecond);

// Of a device that was cut off for long: so many clips, the manifests of the first two under way.
Store& store_with_a_queue() {
  static const auto store = [] {
    auto made = std::make_unique<Store>();
    check(made->database->write([&](Database::Access& db) {
      return db
          .prepare(
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) INSERT INTO upload"
              "(kind, subject_id, camera_id, path, object_key, content_type, size_bytes, sha256, start_us, end_us, "
              "priority, state, attempts, queued_us, next_try_us, command_id, traceparent) SELECT kind, "
              "printf('%08x-0000-7000-8000-%012x', i, i), 'camera', printf('%0100d', i), printf('%0100d', i), "
              "'video/mp4', 30000000, printf('%064d', i), 0, 0, 1, iif(kind = 'clip', 'pending', iif(i <= 2, "
              "'uploading', 'uploaded')), 0, 0, 0, '', '' FROM n, (SELECT 'manifest' AS kind UNION ALL SELECT 'clip')")
          .bind(1, kQueued)
          .run();
    }));
    return made;
  }();
  return *store;
}

void claim_and_put_back(benchmark::State& state) {
  Catalog& catalog = *store_with_a_queue().catalog;
  for (auto _ : state) check(catalog.put_back_upload(catalog.claim_upload(kBegin).value().value().row));
}
BENCHMARK(claim_and_put_back)->UseRealTime()->Unit(benchmark::kMicrosecond);

void ask_due_priority(benchmark::State& state) {
  Catalog& catalog = *store_with_a_queue().catalog;
  for (auto _ : state) benchmark::DoNotOptimize(catalog.due_priority(kBegin).value());
}
BENCHMARK(ask_due_priority)->Unit(benchmark::kMicrosecond);

void ask_next_upload_at(benchmark::State& state) {
  Catalog& catalog = *store_with_a_queue().catalog;
  for (auto _ : state) benchmark::DoNotOptimize(catalog.next_upload_at().value());
}
BENCHMARK(ask_next_upload_at)->Unit(benchmark::kMicrosecond);

void open_after_an_orderly_end(benchmark::State& state) {
  Store& store = full_store();
  const auto path = store.dir.path() / "vedette.db";
  for (auto _ : state) {
    state.PauseTiming();
    store.catalog.reset();
    store.database.reset();
    state.ResumeTiming();
    auto opened = Database::open(path);
    if (!opened) throw std::runtime_error(opened.error().message);
    store.database = std::move(*opened);
    store.catalog = std::make_unique<Catalog>(*store.database);
    if (!store.catalog->unfinished_clips()) throw std::runtime_error("no answer");
  }
}
BENCHMARK(open_after_an_orderly_end)->UseRealTime()->Iterations(5)->Unit(benchmark::kMillisecond);

// The log is there still, so every page is looked at.
void open_after_a_kill(benchmark::State& state) {
  Store& store = full_store();
  check(store.catalog->add_recording(new_id(), "camera-0", kBegin));
  for (auto _ : state) {
    const auto opened = Database::open(store.dir.path() / "vedette.db");
    if (!opened) throw std::runtime_error(opened.error().message);
  }
}
BENCHMARK(open_after_a_kill)->UseRealTime()->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vedette

int main(int argc, char** argv) {
  vedette::log::set_level(vedette::log::Level::warn);  // a line per clip that is deleted
  return vedette::bench::run(argc, argv);
}
