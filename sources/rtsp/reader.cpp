#include "sources/rtsp/reader.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/file.h"
#include "core/log.h"
#include "core/thread.h"
#include "sources/rtsp/session.h"

namespace vedette::rtsp {

namespace {

constexpr microseconds kTick = 100ms;
// Somebody who waits for packets is busy with one now and then; so long after he was seen waiting he counts as waiting.
constexpr microseconds kAwaitedFor = 1s;
constexpr size_t kBufferBytes = 256 * 1024;
// What epoll gives back: a session, and which of its sockets. 0 is the event that wakes the thread.
constexpr int kSocketBits = 8;
constexpr uint64_t kSocketMask = (1 << kSocketBits) - 1;

}  // namespace

struct Reader::Impl {
  struct Served {
    Session& session;
    const uint64_t number;  // never given again
    std::optional<Status> ended;
    MonoTime awaited_until;
    bool immediate = false;  // epoll tells when something comes
  };
  using Place = std::list<Served>::iterator;

  Impl();
  void run(const std::stop_token& stop);
  void read(Served& served, size_t socket);
  void read_ready(uint64_t what);
  void set_immediate(Served& served, bool wanted);
  void finish(Served& served, Status status);
  void wake() const;
  int most_wait_ms(MonoTime next_tick) const;

  const Fd epoll;
  const Fd event;  // wakes the thread
  std::vector<uint8_t> buffer = std::vector<uint8_t>(kBufferBytes);
  bool idle = false;  // there is no session; of the thread

  // Held while sessions are read, so that serve() cannot leave with one that is in use.
  std::mutex mutex;
  std::condition_variable changed;
  std::list<Served> sessions;
  uint64_t last_number = 0;

  std::jthread thread;
};

Reader::Impl::Impl() : epoll(epoll_create1(EPOLL_CLOEXEC)), event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event wanted{EPOLLIN, {.u64 = 0}};
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, event.get(), &wanted) != 0) log::error("bug: epoll does not work");
  thread = start_thread("rtsp", [this](const std::stop_token& stop) { run(stop); });
}

void Reader::Impl::wake() const {
  const uint64_t one = 1;
  if (write(event.get(), &one, sizeof one) < 0 && errno != EAGAIN) log::error("bug: eventfd cannot be written");
}

int Reader::Impl::most_wait_ms(MonoTime next_tick) const {
  if (idle) return -1;
  const microseconds left = next_tick - Clock::system().mono();
  return static_cast<int>(to_ms(std::max<microseconds>(left, 0us) + 999us));
}

void Reader::Impl::set_immediate(Served& served, bool wanted) {
  if (served.immediate == wanted) return;
  served.immediate = wanted;
  for (size_t i = 0; i < served.session.sockets(); ++i) {
    epoll_event what{EPOLLIN, {.u64 = served.number << kSocketBits | i}};
    epoll_ctl(epoll.get(), wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, served.session.fd(i), &what);
  }
}

void Reader::Impl::finish(Served& served, Status status) {
  set_immediate(served, false);
  served.ended = std::move(status);
  changed.notify_all();
}

void Reader::Impl::read(Served& served, size_t socket) {
  if (served.ended) return;
  if (served.session.awaited()) served.awaited_until = Clock::system().mono() + kAwaitedFor;
  if (auto done = served.session.read(socket, buffer); !done) finish(served, std::move(done));
}

void Reader::Impl::read_ready(uint64_t what) {
  uint64_t ignored = 0;
  if (what == 0) return (void)!::read(event.get(), &ignored, sizeof ignored);
  const auto found = std::find_if(sessions.begin(), sessions.end(),
                                  [&](const Served& served) { return served.number == what >> kSocketBits; });
  if (found != sessions.end()) read(*found, what & kSocketMask);
}

void Reader::Impl::run(const std::stop_token& stop) {
  std::array<epoll_event, 64> ready;
  MonoTime next_tick = Clock::system().mono();
  while (!stop.stop_requested()) {
    const int count = epoll_wait(epoll.get(), ready.data(), ready.size(), most_wait_ms(next_tick));
    const std::lock_guard lock(mutex);
    idle = sessions.empty();
    for (int i = 0; i < count; ++i) read_ready(ready[static_cast<size_t>(i)].data.u64);
    const MonoTime now = Clock::system().mono();
    if (now < next_tick) continue;
    next_tick = now + kTick;
    for (Served& served : sessions) {
      for (size_t i = 0; i < served.session.sockets(); ++i) read(served, i);
      if (served.ended) continue;
      if (auto ticked = served.session.tick(); !ticked)
        finish(served, std::move(ticked));
      else
        set_immediate(served, now < served.awaited_until);
    }
  }
}

Reader::Reader() : impl_(std::make_unique<Impl>()) {}

Reader::~Reader() {
  impl_->thread.request_stop();
  impl_->wake();
}

std::shared_ptr<Reader> Reader::shared() {
  static std::mutex mutex;
  static std::weak_ptr<Reader> current;
  const std::lock_guard lock(mutex);
  auto reader = current.lock();
  if (!reader) {
    reader = std::shared_ptr<Reader>(new Reader);
    current = reader;
  }
  return reader;
}

Status Reader::serve(Session& session, const std::stop_token& stop) {
  Impl& impl = *impl_;
  const std::stop_callback on_stop(stop, [&impl] {
    const std::lock_guard lock(impl.mutex);
    impl.changed.notify_all();
  });
  std::unique_lock lock(impl.mutex);
  if (auto taken = session.take_early(); !taken) return taken;
  const Impl::Place place = impl.sessions.insert(impl.sessions.end(), {session, ++impl.last_number, {}, {}, false});
  // Until the first picture is there, every packet is worth a wake-up.
  place->awaited_until = Clock::system().mono() + kAwaitedFor;
  impl.set_immediate(*place, true);
  impl.wake();
  impl.changed.wait(lock, [&] { return place->ended.has_value() || stop.stop_requested(); });
  impl.set_immediate(*place, false);
  Status ended = place->ended.value_or(Status());
  impl.sessions.erase(place);
  return ended;
}

}  // namespace vedette::rtsp
