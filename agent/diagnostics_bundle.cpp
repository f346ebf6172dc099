#include "agent/diagnostics_bundle.h"

#include <gnu/libc-version.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/file.h"
#include "core/gzip.h"
#include "core/json.h"
#include "core/log.h"
#include "core/redact.h"
#include "core/sha256.h"
#include "core/tar.h"

namespace vedette {

namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ostringstream out;
  if (const std::ifstream in(path); in) out << in.rdbuf();
  return out.str();
}

// Name and state of each thread: which of them waits for the disk, say.
std::string threads() {
  std::string out;
  std::error_code none;
  for (const auto& task : fs::directory_iterator("/proc/self/task", none)) {
    std::istringstream status(content_of(task.path() / "status"));
    std::string line, name, state;
    while (std::getline(status, line)) {
      if (line.starts_with("Name:")) name = line.substr(line.find('\t') + 1);
      if (line.starts_with("State:")) state = line.substr(line.find('\t') + 1);
    }
    out.append(task.path().filename().string()).append(" ").append(name).append(": ").append(state);
    out.append(" ").append(content_of(task.path() / "wchan")).append("\n");
  }
  return out;
}

std::string versions() {
  utsname system{};
  uname(&system);
  const Json json = {{"vedette", VEDETTE_VERSION},
                     {"compiler", __VERSION__},
                     {"glibc", gnu_get_libc_version()},
                     {"kernel", system.release},
                     {"machine", system.machine},
                     {"boot_id", boot_id()},
                     {"log_level", log::level_name(log::level())}};
  return to_text(json) + "\n";
}

// All but the newest: their ids, which are their names, are ordered by time.
void remove_old(const fs::path& folder) {
  std::vector<fs::path> bundles;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none))
    if (entry.path().extension() == ".gz") bundles.push_back(entry.path());
  std::sort(bundles.begin(), bundles.end());
  for (size_t i = 0; i + kMostBundles < bundles.size(); ++i)
    if (auto removed = file::remove(bundles[i]); !removed)
      log::warn("an old bundle is not removed", {{"file", bundles[i].string()}, {"error", removed.error().message}});
}

Upload upload_of(const DiagnosticsBundle& bundle, const BundleOrder& order, const Layout& layout) {
  Upload upload;
  upload.kind = "diagnostics";
  upload.subject_id = bundle.id;
  upload.path = bundle.path;
  upload.object_key = layout.diagnostics_key(bundle.id);
  upload.content_type = "application/gzip";
  upload.size_bytes = bundle.size_bytes;
  upload.sha256 = bundle.sha256;
  upload.start = upload.end = order.made;
  upload.priority = Priority::high;
  upload.command_id = order.command_id;
  upload.traceparent = order.traceparent;
  return upload;
}

// Not /proc/self/io: it is root's, as cores are forbidden (core/core_dumps.h).
std::string usage() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto ms = [](const timeval& time) { return time.tv_sec * 1000 + time.tv_usec / 1000; };
  constexpr int64_t kBlockBytes = 512;
  const Json json = {{"user_ms", ms(used.ru_utime)},
                     {"system_ms", ms(used.ru_stime)},
                     {"most_rss_bytes", used.ru_maxrss * int64_t{1024}},
                     {"read_bytes", used.ru_inblock * kBlockBytes},
                     {"written_bytes", used.ru_oublock * kBlockBytes},
                     {"major_faults", used.ru_majflt},
                     {"waits", used.ru_nvcsw},
                     {"preemptions", used.ru_nivcsw}};
  return to_text(json) + "\n";
}

}  // namespace

DiagnosticsFiles process_files() {
  DiagnosticsFiles files = {{"versions.json", versions()}, {"log.txt", log::recent()}, {"threads.txt", threads()}};
  files.emplace_back("process/usage.json", usage());
  for (const char* name : {"status", "limits", "smaps_rollup"})
    files.emplace_back(std::string("process/") + name + ".txt", content_of(fs::path("/proc/self") / name));
  for (const char* name : {"loadavg", "meminfo", "pressure/io"})
    files.emplace_back(std::string("system/") + name + ".txt", content_of(fs::path("/proc") / name));
  return files;
}

Result<DiagnosticsBundle> make_bundle(const DiagnosticsFiles& files, const BundleOrder& order, const Layout& layout,
                                      const Volume& volume, Catalog& catalog) {
  Tar tar(order.made);
  for (const auto& [name, content] : files) tar.add("vedette-diagnostics/" + name, redact(content));
  const auto packed = gzip(tar.finish());
  if (!packed) return packed.error_as_is();

  if (auto there = volume.check(); !there) return there.error_as_is();
  DiagnosticsBundle bundle;
  bundle.id = order.id;
  bundle.path = Layout::diagnostics_path(order.id);
  bundle.size_bytes = static_cast<int64_t>(packed->size());
  bundle.sha256 = sha256_hex(*packed);
  const fs::path path = layout.absolute(bundle.path);
  if (auto made = file::make_directories(path.parent_path()); !made) return made.error_as_is();
  if (auto written = file::write_atomically(path, *packed); !written) return written.error_as_is();
  remove_old(path.parent_path());
  if (!order.upload) return bundle;
  const auto queued = catalog.add_upload(upload_of(bundle, order, layout));
  if (!queued) return queued.error_as_is();
  bundle.object_key = queued->object_key;
  return bundle;
}

}  // namespace vedette
