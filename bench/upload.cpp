// The upload engine as the agent runs it, catalog included, into a bucket. bench/upload.py drives it and the peers.
//
// usage: bench_upload queue FOLDER PREFIX STATE < sha256sum-of-the-files   rows in a catalog in the folder STATE
//        bench_upload deliver FOLDER STATE        uploads them; prints JSON
//        bench_upload interrupted FOLDER STATE    kills itself (SIGKILL) in the middle of the first one
//        bench_upload resumed FOLDER STATE        goes on there; prints "resumed" when the store has one more part
//        bench_upload beside FOLDER SECONDS MBIT_S URL... < ...          how soon frames reach a reader (bench_arrival)
//                                        while there are no uploads, by this program or the peers that whoever reads
//                                        the output starts and ends; a line of JSON as each stretch begins and ends
// environment: S3_ENDPOINT, S3_BUCKET, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
#include <sys/resource.h>

#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "bench/live_readers.h"
#include "core/file.h"
#include "core/file_hash.h"
#include "core/ids.h"
#include "core/json.h"
#include "core/log.h"
#include "tests/support/temp_dir.h"
#include "uploader/s3_config.h"
#include "uploader/upload_engine.h"

namespace {

using namespace vedette;

constexpr seconds kLimit{600};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) {
    std::fprintf(stderr, "%s is not set\n", name);
    std::exit(2);
  }
  return value;
}

// What `sha256sum FILE...` prints, as the rows of uploads without keys.
std::vector<Upload> read_list(std::istream& list, const std::filesystem::path& folder) {
  std::vector<Upload> uploads;
  std::string sha256, name;
  while (list >> sha256 >> name) {
    Upload upload;
    upload.kind = "clip";
    upload.camera_id = "cam1";
    upload.path = name;
    upload.content_type = "video/mp4";
    upload.size_bytes = static_cast<int64_t>(std::filesystem::file_size(folder / name));
    upload.sha256 = sha256;
    upload.part_sha256 =
        hash_of(file::open_read(folder / name)->get(), upload.size_bytes)->parts;  // as a closed clip has it
    upload.start = upload.end = Clock::system().utc();
    uploads.push_back(upload);
  }
  return uploads;
}

int64_t status_kib(const std::string& name) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word)
    if (int64_t value = 0; word == name + ":" && status >> value) return value;
  return 0;
}

double cpu_s() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto in_s = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return in_s(use.ru_utime) + in_s(use.ru_stime);
}

// A catalog in the folder `state` and an engine with the product's defaults.
class Delivery {
 public:
  Delivery(const std::filesystem::path& folder, const std::filesystem::path& state)
      : database_(std::move(*Database::open(state / "catalog.db"))), waiting_(rows()) {
    S3Config config;
    config.endpoint = variable("S3_ENDPOINT");
    config.bucket = variable("S3_BUCKET");
    config.device_id = "edge-01";
    const S3Credentials keys{variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), ""};
    UploadHooks hooks;
    hooks.on_report = [this](const UploadReport& report) { on_report(report); };
    engine_ = std::make_unique<UploadEngine>(Layout{folder, "edge-01", ""}, catalog_,
                                             make_s3_target(config, constant_credentials(keys)), std::move(hooks));
  }

  void add(const std::vector<Upload>& uploads, const std::string& prefix) {
    for (const Upload& upload : uploads) {
      {
        const std::lock_guard lock(mutex_);
        ++waiting_;
      }
      queue(catalog_, upload, prefix);
    }
    engine_->wake();
  }
  static void queue(Catalog& catalog, Upload upload, const std::string& prefix) {
    upload.subject_id = new_id();
    upload.object_key = prefix + "/" + upload.subject_id + ".mp4";
    if (const auto added = catalog.add_upload(upload); !added) std::fprintf(stderr, "a row cannot be added\n");
  }
  bool wait(seconds longest) {
    std::unique_lock lock(mutex_);
    return less_.wait_for(lock, longest, [this] { return waiting_ == 0; });
  }
  size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }
  // Of the first object, as the catalog knows them.
  size_t finished_parts() const { return catalog_.parts(1)->size(); }
  bool has_failed() const { return failures_ > 0; }
  UploadEngine& engine() { return *engine_; }

 private:
  size_t rows() const { return static_cast<size_t>(catalog_.upload_figures(Clock::system().utc())->rows); }
  void on_report(const UploadReport& report) {
    if (!report.done) {
      ++failures_;
      std::fprintf(stderr, "upload failed: %s\n", report.error.message.c_str());
      return;
    }
    const std::lock_guard lock(mutex_);
    --waiting_;
    less_.notify_all();
  }

  std::unique_ptr<Database> database_;
  Catalog catalog_{*database_};
  std::atomic<int> failures_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable less_;
  size_t waiting_;
  std::unique_ptr<UploadEngine> engine_;
};

int queue(const std::filesystem::path& folder, const std::string& prefix, const std::filesystem::path& state) {
  const auto database = Database::open(state / "catalog.db");
  Catalog catalog(**database);
  for (const Upload& upload : read_list(std::cin, folder)) Delivery::queue(catalog, upload, prefix);
  return 0;
}

int deliver(const std::filesystem::path& folder, const std::filesystem::path& state) {
  const int64_t rss_kib = status_kib("VmRSS");
  Delivery delivery(folder, state);
  const bool is_done = delivery.wait(kLimit);
  const Json figures = {{"bytes", delivery.engine().uploaded_bytes_total()},
                        {"rss_growth_kib", status_kib("VmHWM") - rss_kib},
                        {"lanes", delivery.engine().activity().lanes}};
  std::cout << figures << "\n";
  return is_done && !delivery.has_failed() ? 0 : 1;
}

int interrupted(const std::filesystem::path& folder, const std::filesystem::path& state) {
  constexpr int64_t kSlow = 800'000'000;  // so that it is in the middle
  constexpr size_t kParts = 3;
  Delivery delivery(folder, state);
  delivery.engine().set_rate(kSlow);
  while (delivery.finished_parts() < kParts && delivery.waiting() > 0) wait_for(1ms, {});
  return raise(SIGKILL);
}

int resumed(const std::filesystem::path& folder, const std::filesystem::path& state) {
  Delivery delivery(folder, state);
  const size_t before = delivery.finished_parts();
  while (delivery.finished_parts() <= before && delivery.waiting() > 0) wait_for(1ms, {});
  std::cout << "resumed" << std::endl;
  return before > 0 && delivery.wait(kLimit) && !delivery.has_failed() ? 0 : 1;
}

// A stretch of time in which frames are measured, and uploads run without a pause or not at all.
struct Stretch {
  std::string uploads;  // as it is printed
  bool are_ours;
  int64_t bits_per_s;
};

Json measure(Delivery& delivery, const std::vector<Upload>& uploads, HistogramWindow& window, seconds length,
             const Stretch& stretch) {
  std::cout << Json{{"begins", stretch.uploads}} << std::endl;
  const MonoTime end = Clock::system().mono() + length;
  const uint64_t bytes = delivery.engine().uploaded_bytes_total();
  const double cpu_before_s = cpu_s();
  window.next();
  while (Clock::system().mono() < end) {
    if (stretch.are_ours && delivery.waiting() < 2) delivery.add(uploads, "beside/" + new_id());
    wait_for(5ms, {});
  }
  const auto figures = window.next();
  const double uploaded = static_cast<double>(delivery.engine().uploaded_bytes_total() - bytes);
  return {
      {"uploads", stretch.uploads},     {"frames", figures.count},
      {"p50_us", figures.p50.count()},  {"p99_us", figures.p99.count()},
      {"max_us", figures.max.count()},  {"uploaded_mib_s", uploaded / 1048576.0 / static_cast<double>(length.count())},
      {"cpu_s", cpu_s() - cpu_before_s}};
}

int beside(const std::filesystem::path& folder, seconds length, int64_t mbit_s, const std::vector<std::string>& urls) {
  const auto uploads = read_list(std::cin, folder);
  const test::TempDir state;
  Delivery delivery(folder, state.path());
  const bench::LiveReaders readers(urls);
  HistogramWindow window(readers.latency());
  for (const Stretch& stretch : {Stretch{"none", false, 0},
                                 {"ours, limited", true, mbit_s * 1'000'000},
                                 {"curl, limited", false, 0},
                                 {"ours", true, 0},
                                 {"curl", false, 0}}) {
    delivery.engine().set_rate(stretch.bits_per_s);
    std::cout << measure(delivery, uploads, window, length, stretch) << std::endl;
    // What is left of the queue goes out before the next stretch begins, as fast as it can.
    delivery.engine().set_rate(0);
    if (!delivery.wait(kLimit)) return 1;
  }
  return delivery.has_failed() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  log::set_level(log::Level::warn);
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "queue" && argc == 5) return queue(argv[2], argv[3], argv[4]);
  if (mode == "deliver" && argc == 4) return deliver(argv[2], argv[3]);
  if (mode == "interrupted" && argc == 4) return interrupted(argv[2], argv[3]);
  if (mode == "resumed" && argc == 4) return resumed(argv[2], argv[3]);
  if (mode == "beside" && argc > 5)
    return beside(argv[2], seconds(std::atoi(argv[3])), std::atoi(argv[4]), {argv + 5, argv + argc});
  std::fprintf(stderr,
               "usage: bench_upload queue FOLDER PREFIX STATE | deliver FOLDER STATE | interrupted FOLDER STATE |"
               " resumed FOLDER STATE | beside FOLDER SECONDS MBIT_S URL...\n");
  return 2;
}
