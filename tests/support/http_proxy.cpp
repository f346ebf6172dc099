#include "tests/support/http_proxy.h"

#include "tests/support/ports.h"

namespace vedette::test {

namespace {

constexpr milliseconds kStartLimit{20000};

std::string write_config(const std::filesystem::path& dir, uint16_t port) {
  write_text(dir / "tinyproxy.conf", "Port " + std::to_string(port) + "\nListen 127.0.0.1\nAllow 127.0.0.1\n" +
                                         "Timeout 60\nBasicAuth guest geheim\nLogLevel Connect\nLogFile \"" +
                                         (dir / "log").string() + "\"\n");
  return (dir / "tinyproxy.conf").string();
}

}  // namespace

HttpProxy::HttpProxy() : port_(free_port()), process_({"tinyproxy", "-d", "-c", write_config(dir_.path(), port_)}) {
  wait_for_port(port_, kStartLimit);
}

std::string HttpProxy::url_with(const std::string& name, const std::string& password) const {
  return "http://" + name + ":" + password + "@127.0.0.1:" + std::to_string(port_);
}

}  // namespace vedette::test
