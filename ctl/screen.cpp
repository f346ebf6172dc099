#include "ctl/screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "ctl/client.h"
#include "ctl/dashboard.h"

namespace vedette::ctl {

namespace {

constexpr milliseconds kBetweenFrames{200};
constexpr seconds kMostBetweenFrames{1};  // for the clock, and to see that the terminal has gone

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value ? value : "";
}

Dashboard::Size size_of_screen() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

// Over the frame before, each line to its end: nothing flickers.
void draw(const std::string& frame) {
  std::string out = "\x1b[H";
  for (const char c : frame) out += c == '\n' ? std::string("\x1b[K\r\n") : std::string(1, c);
  std::cout << out << "\x1b[K\x1b[J" << std::flush;
}

}  // namespace

bool is_screen() {
  const std::string_view terminal = environment("TERM");
  return isatty(STDOUT_FILENO) == 1 && !terminal.empty() && terminal != "dumb";
}

bool stdout_is_gone() {
  pollfd entry{STDOUT_FILENO, 0, 0};
  return !std::cout.good() || (poll(&entry, 1, 0) > 0 && (entry.revents & (POLLERR | POLLHUP)) != 0);
}

Status watch_on_screen(Client& client, const std::string& topic_root) {
  const Clock& clock = Clock::system();
  Dashboard dashboard(topic_root, environment("NO_COLOR").empty());
  const auto notice = [&](const std::string& text) { dashboard.note(text, clock.utc()); };
  std::cout << "\x1b[2J";
  MonoTime drawn = clock.mono() - kMostBetweenFrames;
  bool changed = true;
  while (!stdout_is_gone()) {
    const MonoTime due = drawn + (changed ? microseconds(kBetweenFrames) : microseconds(kMostBetweenFrames));
    if (clock.mono() >= due) {
      draw(dashboard.frame(size_of_screen(), clock.utc()));
      drawn = clock.mono();
      changed = false;
      continue;
    }
    const auto message = client.receive(due, notice);
    if (!message) continue;
    dashboard.take(message->topic, message->payload, clock.utc());
    changed = true;
  }
  return {};
}

}  // namespace vedette::ctl
