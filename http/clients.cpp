#include "http/clients.h"

#include "core/log.h"

namespace vedette {

namespace {

constexpr seconds kLineInterval{60};
constexpr int kTooManyOfOne = 429;
constexpr int kTooMany = 503;

}  // namespace

bool HttpClients::enter(const std::string& client) {
  size_t& count = under_way_[client];
  if (count >= most_) return false;
  ++count;
  return true;
}

void HttpClients::leave(const std::string& client) {
  const auto it = under_way_.find(client);
  if (it != under_way_.end() && --it->second == 0) under_way_.erase(it);
}

void HttpClients::refused(const std::string& client, int status) {
  if (status == kTooManyOfOne || status == kTooMany) ++refused_total_;
  ++since_the_last_line_;
  const MonoTime now = Clock::system().mono();
  if (now < next_line_) return;
  next_line_ = now + kLineInterval;
  log::warn("an HTTP client is refused",
            {{"client", client}, {"status", status}, {"since_the_last_line", since_the_last_line_}});
  since_the_last_line_ = 0;
}

}  // namespace vedette
