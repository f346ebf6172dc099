#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

// EjabberdCluster is two nodes of ejabberd that are one cluster, and speak MQTT (3.1.1 and 5) on a free loopback port
// each; with a registry of Erlang nodes (epmd) of its own, so that it meets no other one on the machine. Runs as the
// current user. Any user NAME@localhost is let in, with any password.
//
// What it does other than mosquitto, seen with ejabberd 23.01 (Debian 12): it says when a session is taken over, on
// whichever node. A session, its will and what is queued for it live in the node of the connection, and die with it.
// What is retained is written to both nodes, but given to new subscribers only on the node where it was published, and
// on the others after their next start.
class EjabberdCluster {
 public:
  EjabberdCluster();

  uint16_t port(int node) const { return nodes_.at(node).port; }
  std::string url(int node) const { return "mqtt://127.0.0.1:" + std::to_string(port(node)); }
  static std::string username(const std::string& name) { return name + "@localhost"; }

  // Return when the node serves MQTT.
  void start(int node);
  void kill9(int node);

  std::string log(int node) const;

 private:
  struct Node {
    std::string name;  // of the Erlang node
    uint16_t port = 0;
    std::unique_ptr<Process> process;
  };

  ProcessOptions options(const std::filesystem::path& home) const;
  void wait_until_it_serves(int node) const;
  // What ejabberdctl does, without its user and its paths.
  Finished control(int node, const std::vector<std::string>& command) const;

  TempDir dir_;
  std::string epmd_port_;
  std::unique_ptr<Process> epmd_;
  std::array<Node, 2> nodes_;
};

}  // namespace vedette::test
