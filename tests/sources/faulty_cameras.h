#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sources/source.h"
#include "tests/support/camera_sim.h"

namespace vedette::test {

// A camera with a fault that begins and ends when it is told to, and what it needs to be one.
struct FaultyCamera {
  SourceConfig config{};
  std::function<void()> fail = [] {};  // nothing to do for one that is faulty from the start
  std::function<void()> heal = [] {};
};

// What faulty cameras are made of: an account and its password, and a simulated camera that asks for them.
inline constexpr const char* kFaultyUser = "viewer";
inline constexpr const char* kFaultyPassword = "right-word";
FaultyCamera camera_at(const std::string& url);
using Sim = std::shared_ptr<CameraSim>;
CameraSimOptions sim_options(std::vector<std::string> more = {});
Sim make_sim(std::vector<std::string> more = {});
// What is done to a simulated camera, and how it is made good.
FaultyCamera with_sim(const Sim& sim, std::function<void(CameraSim&)> fail, std::function<void(CameraSim&)> heal,
                      const std::string& transport = "tcp");

// RTSP (faulty_cameras.cpp). camera_faults.cpp says what is wrong with each.
FaultyCamera dead(bool dies_later);
FaultyCamera dropped();
FaultyCamera slow_name();
FaultyCamera silent();
FaultyCamera frozen(const std::string& transport);
FaultyCamera hung();
FaultyCamera kicked();
FaultyCamera busy();
FaultyCamera without_parameter_sets();
FaultyCamera wrong_password();
FaultyCamera unknown_path();

// Certificates that must not be trusted (faulty_tls_cameras.cpp).
FaultyCamera tls_unknown_ca();
FaultyCamera tls_wrong_name();
FaultyCamera tls_expired();
FaultyCamera https_unknown_ca();

// Everything else that sends (faulty_senders.cpp): it hangs in the middle, or never comes.
FaultyCamera over_http(const std::string& path);
FaultyCamera over_rtmp();
FaultyCamera over_srt(bool listens);
FaultyCamera over_rtmp_listen();
FaultyCamera nobody_calls();
FaultyCamera file_that_is_missing();

}  // namespace vedette::test
