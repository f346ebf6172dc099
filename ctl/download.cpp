#include "ctl/download.h"

#include <charconv>

#include "core/file.h"
#include "core/sha256.h"
#include "net/http_client.h"

namespace vedette::ctl {

namespace {

constexpr int64_t kPieceBytes = 8 * 1024 * 1024;
constexpr int kTries = 3;

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

Status check_status(int status) {
  switch (status) {
    case 200:
    case 206:
      return {};
    case 403:
      return fail(Code::forbidden, "the object store refuses: the link has run out, or is for another address (403)");
    case 404:
      return fail(Code::not_found, "the object store does not have it (404)");
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

Result<HttpResponse> get_piece(HttpClient& http, const Download& what, int64_t offset) {
  HttpRequest request;
  request.url = what.url;
  request.ca_file = what.ca_file;
  // A server may leave out the range and send all of it, if that is little.
  request.most_response_bytes = static_cast<size_t>(kPieceBytes) * 2;
  request.headers.emplace_back("Range",
                               "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + kPieceBytes - 1));
  for (int tries = 1;; ++tries) {
    auto response = http.perform(request, {});
    if (response && response->status >= 500 && tries < kTries) continue;
    if (response) {
      if (const Status status = check_status(response->status); !status) return status.error_as_is();
      return response;
    }
    const bool again = response.error().code == Code::camera_unavailable || response.error().code == Code::timed_out;
    if (!again || tries >= kTries) return response.error_with("object store");
  }
}

// Gives the SHA-256 of what was written.
Result<std::string> fetch_into(int fd, const Download& what, const std::function<void(int64_t, int64_t)>& progress) {
  HttpClient http;
  Sha256 sha256;
  int64_t offset = 0;
  for (;;) {
    const auto piece = get_piece(http, what, offset);
    if (!piece) return piece.error_as_is();
    if (piece->status == 200 && offset > 0) return fail(Code::conflict, "the object store changed its mind on ranges");
    if (const Status status = file::write_at(fd, bytes_of(piece->body), offset); !status) return status.error_as_is();
    sha256.add(piece->body);
    offset += static_cast<int64_t>(piece->body.size());
    const int64_t total = piece->status == 200 ? offset : total_of(*piece).value_or(-1);
    if (total < 0) return fail(Code::upload_failed, "the object store does not say how large the object is");
    if (progress) progress(offset, total);
    if (offset >= total) return sha256.hex();
    if (piece->body.empty()) return fail(Code::upload_failed, "the object store sent nothing");
  }
}

}  // namespace

Status download(const Download& what, const std::function<void(int64_t, int64_t)>& progress) {
  const std::filesystem::path part = what.target.string() + ".part";
  if (const Status status = file::remove(part); !status && status.error().code != Code::not_found)
    return status.error_as_is();
  const auto fd = file::create(part);
  if (!fd) return fd.error_as_is();
  const auto sha256 = fetch_into(fd->get(), what, progress);
  Status status;
  if (!sha256)
    status = sha256.error_as_is();
  else if (!what.sha256.empty() && *sha256 != what.sha256)
    status = fail(Code::conflict, "SHA-256 is " + *sha256 + " and should be " + what.sha256);
  else
    status = file::rename(part, what.target);
  if (!status) static_cast<void>(file::remove(part));
  return status;
}

}  // namespace vedette::ctl
