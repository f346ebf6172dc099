// The upload engine as the agent runs it, catalog included, into a bucket. bench/upload.py drives it and the peers.
//
// usage: bench_upload deliver FOLDER PREFIX < sha256sum-of-the-files     once; prints JSON
//        bench_upload beside FOLDER SECONDS ROUNDS MBIT_S URL... < ...   how soon frames reach a reader (bench_arrival)
//                                        while nothing is uploaded, at MBIT_S, and as fast as it goes, in turns
// environment: S3_ENDPOINT, S3_BUCKET, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/live_readers.h"
#include "core/file.h"
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

// A catalog of its own and an engine with the product's defaults.
class Delivery {
 public:
  explicit Delivery(const std::filesystem::path& folder)
      : database_(std::move(*Database::open(dir_.path() / "catalog.db"))) {
    S3Config config;
    config.endpoint = variable("S3_ENDPOINT");
    config.bucket = variable("S3_BUCKET");
    config.device_id = "edge-01";
    const S3Credentials keys{variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), ""};
    UploadHooks hooks;
    hooks.on_report = [this](const UploadReport& report) {
      if (report.done) {
        --waiting_;
        return;
      }
      ++failures_;
      std::fprintf(stderr, "upload failed: %s\n", report.error.message.c_str());
    };
    engine_ = std::make_unique<UploadEngine>(Layout{folder, "edge-01", ""}, catalog_,
                                             make_s3_target(config, constant_credentials(keys)), std::move(hooks));
  }

  void add(const std::vector<Upload>& uploads, const std::string& prefix) {
    for (Upload upload : uploads) {
      upload.subject_id = new_id();
      upload.object_key = prefix + "/" + upload.subject_id + ".mp4";
      ++waiting_;
      if (const auto added = catalog_.add_upload(upload); !added) std::fprintf(stderr, "a row cannot be added\n");
    }
    engine_->wake();
  }
  bool wait(MonoTime end) {
    while (waiting_ > 0 && Clock::system().mono() < end) wait_for(1ms, {});
    return waiting_ == 0;
  }
  size_t waiting() const { return waiting_; }
  int failures() const { return failures_; }
  UploadEngine& engine() { return *engine_; }

 private:
  const test::TempDir dir_;
  std::unique_ptr<Database> database_;
  Catalog catalog_{*database_};
  std::atomic<size_t> waiting_ = 0;
  std::atomic<int> failures_ = 0;
  std::unique_ptr<UploadEngine> engine_;
};

int deliver(const std::filesystem::path& folder, const std::string& prefix) {
  const auto uploads = read_list(std::cin, folder);
  Delivery delivery(folder);
  const int64_t rss_kib = status_kib("VmRSS");
  const double cpu_before_s = cpu_s();
  const MonoTime begin = Clock::system().mono();
  delivery.add(uploads, prefix);
  const bool is_done = delivery.wait(begin + kLimit);
  const microseconds took = Clock::system().mono() - begin;
  const Json figures = {{"objects", uploads.size()},
                        {"bytes", delivery.engine().uploaded_bytes_total()},
                        {"wall_s", static_cast<double>(took.count()) / 1e6},
                        {"cpu_s", cpu_s() - cpu_before_s},
                        {"rss_growth_kib", status_kib("VmHWM") - rss_kib},
                        {"lanes", delivery.engine().activity().lanes},
                        {"failures", delivery.failures()}};
  std::cout << figures << "\n";
  return is_done && delivery.failures() == 0 ? 0 : 1;
}

// One stretch of time, in which uploads run without a pause or not at all.
Json measure(Delivery& delivery, const std::vector<Upload>& uploads, HistogramWindow& window, seconds length,
             const std::string& what) {
  const MonoTime end = Clock::system().mono() + length;
  const uint64_t bytes = delivery.engine().uploaded_bytes_total();
  const double cpu_before_s = cpu_s();
  window.next();
  while (Clock::system().mono() < end) {
    if (what != "none" && delivery.waiting() < 2) delivery.add(uploads, "beside/" + new_id());
    wait_for(5ms, {});
  }
  const auto figures = window.next();
  const double uploaded = static_cast<double>(delivery.engine().uploaded_bytes_total() - bytes);
  return {{"uploads", what},
          {"frames", figures.count},
          {"p50_us", figures.p50.count()},
          {"p99_us", figures.p99.count()},
          {"max_us", figures.max.count()},
          {"uploaded_mib_s", uploaded / 1048576.0 / static_cast<double>(length.count())},
          {"cpu_s", cpu_s() - cpu_before_s}};
}

int beside(const std::filesystem::path& folder, seconds length, int rounds, int64_t mbit_s,
           const std::vector<std::string>& urls) {
  const auto uploads = read_list(std::cin, folder);
  Delivery delivery(folder);
  const bench::LiveReaders readers(urls);
  HistogramWindow window(readers.latency());
  Json out = Json::array();
  const auto run = [&](const std::string& what, int64_t bits_per_s) {
    delivery.engine().set_rate(bits_per_s);
    out.push_back(measure(delivery, uploads, window, length, what));
    // What is left of the queue goes out before the next stretch begins, as fast as it can.
    delivery.engine().set_rate(0);
    return delivery.wait(Clock::system().mono() + kLimit);
  };
  for (int round = 0; round < rounds; ++round)
    if (!run("none", 0) || !run(std::to_string(mbit_s) + " Mbit/s", mbit_s * 1'000'000) || !run("unlimited", 0))
      return 1;
  std::cout << out << "\n";
  return delivery.failures() == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  log::set_level(log::Level::warn);
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "deliver" && argc == 4) return deliver(argv[2], argv[3]);
  if (mode == "beside" && argc > 6)
    return beside(argv[2], seconds(std::atoi(argv[3])), std::atoi(argv[4]), std::atoi(argv[5]),
                  {argv + 6, argv + argc});
  std::fprintf(stderr, "usage: bench_upload deliver FOLDER PREFIX | beside FOLDER SECONDS ROUNDS MBIT_S URL...\n");
  return 2;
}
