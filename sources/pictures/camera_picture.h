#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "sources/camera_http.h"
#include "sources/pictures/camera_account.h"

namespace vedette {

// CameraPicture asks one camera for a picture that it makes itself, over HTTP, each in its maker's way:
//   hik    /ISAPI/Streaming/channels/{channel}0{stream}/picture, or, where a recorder has that for analogue channels
//          only, .../ContentMgmt/StreamingProxy/... (ISAPI); which of the two it is, is remembered
//   dahua  /cgi-bin/snapshot.cgi?channel={channel}, which has one size only (Dahua's HTTP API for cameras)
//   onvif  what GetSnapshotUri names, by plain GET (ONVIF Media); remembered until it does not work any more
// Used by one thread at a time, as are all that share an account.
//
// Errors: unsupported (the kind has none), forbidden (after a wrong password without being asked, for a minute),
// not_found, busy, camera_unavailable (also: what comes is no JPEG or too large), timed_out, cancelled.
class CameraPicture {
 public:
  static constexpr size_t kMostBytes = 16 * 1024 * 1024;

  static Result<CameraPicture> of(const CameraHttpConfig& config,
                                  std::shared_ptr<CameraAccount> account = std::make_shared<CameraAccount>());

  // The file that the camera sends. It begins and ends as a JPEG; whether it is a good one shows when it is decoded.
  Result<std::string> fetch(MonoTime deadline, const std::stop_token& stop);

  const CameraHttp& camera() const { return http_; }

 private:
  CameraPicture(CameraHttp http, std::shared_ptr<CameraAccount> account)
      : http_(std::move(http)), account_(std::move(account)) {}
  Result<HttpResponse> ask(MonoTime deadline, const std::stop_token& stop);
  Result<HttpResponse> ask_hik(const CameraHttp::Limits& limits, const std::stop_token& stop);
  Result<HttpResponse> ask_onvif(const CameraHttp::Limits& limits, const std::stop_token& stop);

  CameraHttp http_;
  std::shared_ptr<CameraAccount> account_;
  bool proxied_ = false;  // hik: the other path is the right one
  std::string uri_;       // onvif; empty: to be asked for
};

}  // namespace vedette
