#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/certificates.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

struct S3ServerOptions {
  bool tls = false;        // https instead of http
  bool bluestore = false;  // a sparse file instead of memory: slower to start, holds more
  // OpenStack Swift instead of Ceph: an independent second opinion. It knows no stop() and start().
  bool swift = false;
};

// S3Server is a real S3 API: Ceph RADOS Gateway over one monitor and one storage daemon, private to a temporary folder,
// on free loopback ports. Path-style, region us-east-1. Takes some seconds to start; runs when made, and leaves nothing
// behind even when the test program is killed.
class S3Server {
 public:
  explicit S3Server(S3ServerOptions options = {});

  // http(s)://127.0.0.1:PORT
  std::string endpoint() const;
  // The same by another name of this machine; with "localhost", the bucket "clips" may stand before it.
  std::string endpoint_for(const std::string& host) const;
  std::string access_key() const { return "S3TESTACCESSKEY"; }
  std::string secret_key() const { return "s3testsecretkey"; }
  // An account that owns none of the first one's buckets: 403.
  std::string other_access_key() const { return "OTHERACCESSKEY"; }
  std::string other_secret_key() const { return "othersecretkey"; }
  // One that may read a bucket and do nothing else.
  struct Keys {
    std::string access_key;
    std::string secret_key;
  };
  Keys reader_of(const std::string& bucket) const;
  std::string region() const { return "us-east-1"; }
  // Only with TLS.
  const Certificates& certificates() const { return *certificates_; }

  void create_bucket(const std::string& name) const;

  // The AWS CLI as the owner of the buckets: {"s3api", ...}. Gives what it prints, JSON.
  std::string aws(std::vector<std::string> words) const;
  // Ceph: radosgw-admin.
  void admin(std::vector<std::string> words) const;
  // Ceph: another key of the owner's, until it is withdrawn.
  Keys make_key(const std::string& access_key) const;
  void withdraw_key(const std::string& access_key) const;
  // Ceph: begins to know a storage class beside STANDARD.
  void add_storage_class(const std::string& name) const;

  // The gateway alone: connections are refused in between, the objects stay.
  void stop() const;
  void start() const;
  // Ceph, http: a second gateway before the same cluster, and the endpoint of it. Once; it runs to the end.
  std::string start_second() const;
  // Ceph: the first one, by SIGKILL.
  void kill() const;
  // SIGSTOP for the storage daemon: requests are accepted and hang until resume().
  void pause() const;
  void resume() const;
  // Ceph: it is full, and writes hang, as it does, until it is not any more. Returns when that is so.
  void set_full(bool yes) const;
  // Ceph: more at once get 503 SlowDown.
  void set_most_requests(int n) const;
  // Swift: its storage daemon is killed, for good: 503 ServiceUnavailable.
  void end_storage() const;

  // What a request with a valid signature gets: for tests that look into the bucket from outside. `method` is a curl
  // method, `path` begins with "/bucket".
  struct Answer {
    int status = 0;
    std::string headers;
    std::string body;
  };
  Answer request(const std::string& method, const std::string& path, const std::vector<std::string>& more = {}) const;

 private:
  void gateway(const std::string& what, const std::vector<std::string>& more = {}) const;
  void tell(const std::string& daemon, std::vector<std::string> words) const;
  pid_t pid_of(const std::string& daemon) const;

  S3ServerOptions options_;
  TempDir dir_;
  std::filesystem::path data_;
  uint16_t port_ = 0;
  std::optional<Certificates> certificates_;
  std::unique_ptr<Process> keeper_;
};

}  // namespace vedette::test
