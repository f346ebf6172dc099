#include "ctl/download.h"

#include <sys/file.h>

#include <charconv>

#include "core/file.h"
#include "core/sha256.h"
#include "net/http_client.h"

namespace vedette::ctl {

namespace {

constexpr int64_t kPieceBytes = 8 * 1024 * 1024;
constexpr size_t kSliceBytes = 1024 * 1024;
constexpr int kTries = 3;
constexpr seconds kLongestWait{1};  // the client has a limit of its own for a line that stalls

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

Status check_status(int status) {
  switch (status) {
    case 200:
    case 206:
    case 416:  // nothing is there from that offset on
      return {};
    case 403:
      return fail(Code::forbidden, "the object store refuses: the link has run out, or is for another address (403)");
    case 404:
      return fail(Code::not_found, "the object store does not have it (404)");
    case 412:
      return fail(Code::conflict, "the object was exchanged meanwhile (412)");
    default:
      return fail(Code::upload_failed, "the object store answers " + std::to_string(status));
  }
}

// "bytes 0-8388607/20000000" -> 20000000
std::optional<int64_t> total_of(const HttpResponse& response) {
  const auto range = response.header("content-range");
  if (!range || range->find('/') == std::string::npos) return std::nullopt;
  const std::string total = range->substr(range->find('/') + 1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(total.data(), total.data() + total.size(), value);
  if (error != std::errc() || end != total.data() + total.size()) return std::nullopt;
  return value;
}

// One piece while it comes, so that a slow line is seen to move.
class Piece : public HttpBody {
 public:
  Piece(int64_t offset, const std::function<void(int64_t, int64_t)>& progress) : offset_(offset), progress_(progress) {}

  Status begin(const HttpResponse& head) override {
    body_.clear();
    total_ = total_of(head).value_or(0);
    return {};
  }
  Status take(std::string_view bytes) override {
    // A server may leave out the range and send all of it, if that is little.
    if (body_.size() + bytes.size() > static_cast<size_t>(kPieceBytes) * 2)
      return fail(Code::payload_too_large, "the object store sends more than was asked for");
    body_ += bytes;
    if (progress_) progress_(offset_ + static_cast<int64_t>(body_.size()), total_);
    return {};
  }
  Result<microseconds> before_wait() override { return microseconds(kLongestWait); }
  std::string take_body() { return std::move(body_); }

 private:
  const int64_t offset_;
  const std::function<void(int64_t, int64_t)>& progress_;
  int64_t total_ = 0;
  std::string body_;
};

// One attempt to fill a `.part`, which goes on behind what is there already.
class Fetch {
 public:
  Fetch(int fd, const Download& what, const std::function<void(int64_t, int64_t)>& progress)
      : fd_(fd), what_(what), progress_(progress) {}

  // Whether all came, and is what it should be.
  Status run() {
    if (const Status status = read_what_is_there(); !status) return status;
    for (bool more = true; more;) {
      const auto piece = get_piece();
      if (!piece) return piece.error_as_is();
      const auto taken = take(*piece);
      if (!taken) return taken.error_as_is();
      more = *taken;
    }
    const std::string sha256 = sha256_.hex();
    if (what_.sha256.empty() || sha256 == what_.sha256) return {};
    return fail(Code::conflict, "SHA-256 is " + sha256 + " and should be " + what_.sha256);
  }
  bool went_on() const { return went_on_; }

 private:
  Status read_what_is_there() {
    std::vector<uint8_t> slice(kSliceBytes);
    for (;;) {
      const auto n = file::read_at(fd_, slice, offset_);
      if (!n) return n.error_as_is();
      if (*n == 0) break;
      sha256_.add(std::span<const uint8_t>(slice.data(), *n));
      offset_ += static_cast<int64_t>(*n);
    }
    went_on_ = offset_ > 0;
    return {};
  }
  Result<HttpResponse> get_piece() {
    HttpRequest request;
    request.url = what_.url;
    request.ca_file = what_.ca_file;
    request.headers.emplace_back("Range",
                                 "bytes=" + std::to_string(offset_) + "-" + std::to_string(offset_ + kPieceBytes - 1));
    if (!etag_.empty()) request.headers.emplace_back("If-Match", etag_);
    for (int tries = 1;; ++tries) {
      Piece piece(offset_, progress_);
      auto response = http_.stream(request, piece, {});
      if (response && response->status >= 500 && tries < kTries) continue;
      if (response) {
        if (const Status status = check_status(response->status); !status) return status.error_as_is();
        if (response->status < 300) response->body = piece.take_body();
        return response;
      }
      const bool again = response.error().code == Code::camera_unavailable || response.error().code == Code::timed_out;
      if (!again || tries >= kTries) return response.error_with("object store");
    }
  }
  // Whether there is more.
  Result<bool> take(const HttpResponse& piece) {
    if (piece.status == 416) return false;
    if (piece.status == 200 && offset_ > 0) return fail(Code::conflict, "the object store ignores ranges");
    if (const Status status = file::write_at(fd_, bytes_of(piece.body), offset_); !status) return status.error_as_is();
    sha256_.add(piece.body);
    offset_ += static_cast<int64_t>(piece.body.size());
    const int64_t total = piece.status == 200 ? offset_ : total_of(piece).value_or(-1);
    if (total < 0) return fail(Code::upload_failed, "the object store does not say how large the object is");
    if (offset_ < total && piece.body.empty()) return fail(Code::upload_failed, "the object store sent nothing");
    etag_ = piece.header("etag").value_or("");
    return offset_ < total;
  }

  const int fd_;
  const Download& what_;
  const std::function<void(int64_t, int64_t)>& progress_;
  HttpClient http_;
  Sha256 sha256_;
  int64_t offset_ = 0;
  bool went_on_ = false;
  std::string etag_;  // all pieces are to be of one object
};

// With what an earlier run left, if it can be told in the end whether that was right.
Result<Fd> open_part(const std::filesystem::path& part, bool goes_on) {
  std::error_code ignored;
  if (!goes_on || !std::filesystem::is_regular_file(std::filesystem::symlink_status(part, ignored)))
    if (const Status status = file::remove(part); !status && status.error().code != Code::not_found)
      return status.error_as_is();
  auto fd = file::create(part);
  if (!fd && fd.error().code == Code::already_exists) fd = file::open_read_write(part);
  if (fd && ::flock(fd->get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Code::busy, "another download into " + part.string() + " is under way");
  return fd;
}

// What was there already may be of another object: then once more from the beginning.
Status fill(int fd, const Download& what, const std::function<void(int64_t, int64_t)>& progress) {
  Fetch first(fd, what, progress);
  Status status = first.run();
  if (status || status.error().code != Code::conflict || !first.went_on()) return status;
  if (Status emptied = file::truncate(fd, 0); !emptied) return emptied;
  return Fetch(fd, what, progress).run();
}

bool is_worth_keeping(int fd, const Download& what, Code code) {
  return !what.sha256.empty() && code != Code::conflict && code != Code::not_found && file::size(fd).value_or(0) > 0;
}

}  // namespace

std::filesystem::path part_of(const std::filesystem::path& target) {
  return target.string() + ".part";
}

Status download(const Download& what, const std::function<void(int64_t, int64_t)>& progress) {
  const std::filesystem::path part = part_of(what.target);
  const auto fd = open_part(part, !what.sha256.empty());
  if (!fd) return fd.error_as_is();
  Status status = fill(fd->get(), what, progress);
  if (status) status = file::rename(part, what.target);
  if (!status && !is_worth_keeping(fd->get(), what, status.error().code)) static_cast<void>(file::remove(part));
  return status;
}

}  // namespace vedette::ctl
