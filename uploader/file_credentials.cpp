#include "uploader/file_credentials.h"

#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <mutex>
#include <optional>
#include <tuple>

#include "core/log.h"
#include "core/redact.h"
#include "core/secret.h"

namespace vedette {

namespace {

constexpr microseconds kBetweenLooks = 1s;

// What tells one content of a path from the next one; all 0: nothing is there.
using Mark = std::tuple<dev_t, ino_t, off_t, int64_t, int64_t>;

Mark mark_of(const std::filesystem::path& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return {};
  const auto& changed = found.st_mtim;
  return {found.st_dev, found.st_ino, found.st_size, changed.tv_sec, changed.tv_nsec};
}

// One of the three. Guarded by the mutex of its owner.
class Part {
 public:
  Part(std::string reference, std::string S3Credentials::*field)
      : reference_(std::move(reference)), path_(secret_file(reference_)), field_(field) {}

  // Whether it is another one now.
  bool look(S3Credentials& credentials, bool read_anyway) {
    if (path_.empty()) return false;
    const Mark mark = mark_of(path_);
    if (!read_anyway && mark == mark_ && !failed_) return false;
    const auto value = read_secret(reference_);
    if (!value) {
      note_failure(value.error());
      return false;
    }
    failed_ = false;
    mark_ = mark;  // of before: what comes in between is seen the next time
    if (credentials.*field_ == *value) return false;
    add_passing_secret(*value);
    credentials.*field_ = *value;
    return true;
  }

 private:
  void note_failure(const Error& error) {
    if (!failed_)
      log::warn("a credential of the bucket cannot be read, the old one is kept",
                {{"file", path_.string()}, {"error", error.message}});
    failed_ = true;
  }

  std::string reference_;
  std::filesystem::path path_;
  std::string S3Credentials::*field_;
  std::optional<Mark> mark_;  // of what was read
  bool failed_ = false;
};

class FileCredentials : public CredentialsSource {
 public:
  FileCredentials(S3Credentials known, CredentialFiles files, const Clock& clock)
      : clock_(clock),
        credentials_(std::move(known)),
        parts_{Part(std::move(files.access_key_id), &S3Credentials::access_key_id),
               Part(std::move(files.secret_access_key), &S3Credentials::secret_access_key),
               Part(std::move(files.session_token), &S3Credentials::session_token)} {}

  Result<S3Credentials> current() override {
    const std::lock_guard lock(mutex_);
    const MonoTime now = clock_.mono();
    if (now < next_look_ && !refused_) return credentials_;
    next_look_ = now + kBetweenLooks;
    bool changed = false;
    for (Part& part : parts_) changed = part.look(credentials_, refused_) || changed;
    refused_ = false;
    if (changed) log::info("the credentials of the bucket were renewed");
    return credentials_;
  }

  void refused(const S3Credentials& credentials, const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (credentials == credentials_) refused_ = true;
  }

 private:
  const Clock& clock_;
  std::mutex mutex_;
  S3Credentials credentials_;
  std::array<Part, 3> parts_;
  MonoTime next_look_{};
  bool refused_ = false;  // these
};

}  // namespace

std::shared_ptr<CredentialsSource> file_credentials(S3Credentials known, CredentialFiles files, const Clock& clock) {
  return std::make_shared<FileCredentials>(std::move(known), std::move(files), clock);
}

}  // namespace vedette
