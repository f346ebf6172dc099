#pragma once

#include <string>
#include <vector>

#include "core/clock.h"

namespace vedette::ctl {

// What vedettectl is told on its command line and in its environment.
struct Options {
  std::vector<std::string> brokers;
  std::string device;  // empty: the only one that the broker knows
  std::string topic_root = "vedette";
  int mqtt_version = 5;
  std::string username;
  std::string password;
  std::string reply_to;  // last level of the topic for replies; empty: see Client::connect()
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  std::string http_ca_file;              // for the object store
  std::string output;                    // of `clips get`
  bool manifest = false;                 // of `clips get`: the manifest as well
  std::vector<std::string> verify_keys;  // of `verify`: files
  bool partial = false;                  // of `verify`
  // For the broker, and for the first word of the device; see Client::command() for what comes after it.
  milliseconds timeout{10000};
  milliseconds silence{15000};
  bool json = false;
  bool quiet = false;  // no progress, neither bars nor replies before the final one
  bool lines = false;  // of `watch`: no screen that is drawn anew

  // {topic_root}/v1/{device}
  std::string base_topic() const { return topic_root + "/v1/" + device; }
};

// The exit status.
inline constexpr int kSucceeded = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kTimedOut = 3;

}  // namespace vedette::ctl
