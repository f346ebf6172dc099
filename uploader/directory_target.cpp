#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "core/file.h"
#include "core/log.h"
#include "core/sha256.h"
#include "core/text.h"
#include "uploader/target.h"

namespace vedette {

namespace {

namespace fs = std::filesystem;

constexpr size_t kChunkBytes = 1024 * 1024;

// Our keys are made of checked ids; whatever else comes must not leave the folder.
bool stays_inside(const std::string& key) {
  const auto parts = split(key, '/');
  return key.find('\0') == std::string::npos && std::none_of(parts.begin(), parts.end(), [](std::string_view part) {
           return part.empty() || part == "." || part == "..";
         });
}

struct Content {
  int64_t size_bytes = 0;
  std::string sha256;
};

// Reads a file to its end, and writes what it reads into `copy` when there is one.
Result<Content> read_through(int fd, int copy, const std::stop_token& stop) {
  std::vector<uint8_t> chunk(kChunkBytes);
  Sha256 hash;
  Content content;
  for (;;) {
    if (stop.stop_requested()) return fail(Code::cancelled, "stopped");
    const auto n = file::read_at(fd, chunk, content.size_bytes);
    if (!n) return n.error_as_is();
    const std::span<const uint8_t> bytes(chunk.data(), *n);
    if (copy >= 0)
      if (auto status = file::write_at(copy, bytes, content.size_bytes); !status) return status.error_as_is();
    hash.add(bytes);
    content.size_bytes += static_cast<int64_t>(*n);
    if (*n < chunk.size()) break;
  }
  content.sha256 = hash.hex();
  return content;
}

bool is_that_of(const Content& content, const Upload& upload) {
  return content.size_bytes == upload.size_bytes && content.sha256 == upload.sha256;
}

// The final name, unless it is taken: already_exists.
Status rename_if_absent(const fs::path& from, const fs::path& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return fail_errno("rename to " + to.string());
  // NFS has no such rename, but a link() that does not replace.
  if (::link(from.c_str(), to.c_str()) != 0) return fail_errno("link " + to.string());
  return file::remove(from);
}

// A copy under way: gone unless it got its final name. Its name is that of the object, so that what a crash left is
// found by the next try; only one thread of one process writes here.
class Part {
 public:
  explicit Part(const fs::path& object) : path_(object.string() + ".part") {}
  ~Part() {
    if (!placed_) ::unlink(path_.c_str());
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  Status write(const fs::path& from, const Upload& upload, const std::stop_token& stop) {
    const auto source = file::open_read(from);
    if (!source) return source.error_with("local file");
    ::unlink(path_.c_str());
    const auto copy = file::create(path_);
    if (!copy) return copy.error_as_is();
    const auto content = read_through(source->get(), copy->get(), stop);
    if (!content) return content.error_with("copy");
    if (!is_that_of(*content, upload))
      return fail(Code::upload_failed, "the local file has changed: " + std::to_string(content->size_bytes) +
                                           " bytes with SHA-256 " + content->sha256);
    if (auto synced = file::sync(copy->get()); !synced) return synced;
    return prove(copy->get(), upload, stop);
  }

  Status place(const fs::path& object) {
    auto placed = rename_if_absent(path_, object);
    placed_ = placed.has_value();
    return placed;
  }

 private:
  static Status prove(int fd, const Upload& upload, const std::stop_token& stop) {
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);  // read what the disk holds, not what memory does
    const auto content = read_through(fd, -1, stop);
    if (!content) return content.error_with("proof");
    if (!is_that_of(*content, upload)) return fail(Code::upload_failed, "proof: the copy differs from the file");
    return {};
  }

  const fs::path path_;
  bool placed_ = false;
};

class DirectoryTarget : public Target {
 public:
  explicit DirectoryTarget(fs::path directory) : directory_(std::move(directory)) {
    if (auto made = file::make_directories(directory_); !made)
      log::warn("upload folder cannot be made", {{"path", directory_.string()}, {"error", made.error().message}});
  }

  Result<UploadProof> put(const Upload& upload, const fs::path& file, const std::stop_token& stop) override {
    if (!stays_inside(upload.object_key)) return fail(Code::invalid_argument, "object key leaves the folder");
    // Not made here: where a network folder is mounted, only its mount point may be left.
    if (std::error_code ignored; !fs::is_directory(directory_, ignored))
      return fail(Code::camera_unavailable, "folder " + directory_.string() + " is not there");
    const fs::path object = directory_ / upload.object_key;
    const auto present = present_content(object, stop);
    if (!present) return present.error_as_is();
    if (present->has_value()) {
      if (!is_that_of(**present, upload)) return fail(Code::conflict, "the folder holds another file under this key");
      // The crash that hid it from us may have come before this.
      if (auto synced = file::sync_directory(object.parent_path()); !synced) return synced.error_as_is();
      return UploadProof{upload.sha256, true};
    }
    if (auto stored = store(object, upload, file, stop); !stored) return stored.error_as_is();
    return UploadProof{upload.sha256, false};
  }

  Result<std::string> presign(const std::string&, seconds) const override {
    return fail(Code::unsupported, "a folder has no URLs");
  }

 private:
  static Result<std::optional<Content>> present_content(const fs::path& object, const std::stop_token& stop) {
    const auto fd = file::open_read(object);
    if (!fd && fd.error().code == Code::not_found) return std::optional<Content>();
    if (!fd) return fd.error_as_is();
    auto content = read_through(fd->get(), -1, stop);
    if (!content) return content.error_as_is();
    return std::optional(std::move(*content));
  }

  static Status store(const fs::path& object, const Upload& upload, const fs::path& file, const std::stop_token& stop) {
    if (auto made = file::make_directories(object.parent_path()); !made) return made;
    Part part(object);
    if (auto written = part.write(file, upload, stop); !written) return written;
    if (auto placed = part.place(object); !placed) return placed;
    return file::sync_directory(object.parent_path());
  }

  const fs::path directory_;
};

}  // namespace

std::unique_ptr<Target> make_directory_target(fs::path directory) {
  return std::make_unique<DirectoryTarget>(std::move(directory));
}

}  // namespace vedette
