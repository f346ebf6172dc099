#include "net/http_multi.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <vector>

#include "net/http_transfer.h"
#include "net/stall_watch.h"

namespace vedette {

namespace {

// One request on its way. Goes only after its handle is out of the multi.
struct Running {
  Running(HttpConnections& connections, CurlEasy handle, HttpRequest what, ByteRate* rate, HttpMulti::Done then)
      : request(std::move(what)),
        done(std::move(then)),
        easy(std::move(handle)),
        transfer(connections, easy.get(), request, nullptr, rate),
        stall(transfer, request.stall_timeout) {}

  const HttpRequest request;
  HttpMulti::Done done;
  CurlEasy easy;
  HttpTransfer transfer;
  StallWatch stall;
  Status refused;  // it could not even begin
};

}  // namespace

struct HttpMulti::Impl {
  HttpConnections connections;
  ByteRate* rate = nullptr;
  std::map<Id, std::unique_ptr<Running>> running;
  Id last_id = 0;
  Id went_on = 0;       // whom the rate let go on last
  bool failed = false;  // the newest to end: the server may be at another address now
  std::atomic<bool> woken = false;

  ~Impl() {
    while (!running.empty()) remove(running.begin()->first);
  }

  CURLM* handle() const { return connections.handle(); }
  std::unique_ptr<Running> remove(Id id);
  void end(Id id, const std::function<Result<HttpResponse>(Running&)>& result);
  bool end_refused();
  bool end_finished();
  bool end_stalled();
  bool work();
  void let_go_on();
  microseconds until_next(microseconds longest);
};

std::unique_ptr<Running> HttpMulti::Impl::remove(Id id) {
  const auto found = running.find(id);
  if (found == running.end()) return nullptr;
  auto gone = std::move(found->second);
  running.erase(found);
  if (gone->easy) curl_multi_remove_handle(handle(), gone->easy.get());
  return gone;
}

void HttpMulti::Impl::end(Id id, const std::function<Result<HttpResponse>(Running&)>& result) {
  Running& ended = *running.at(id);
  HttpOutcome outcome{result(ended), ended.easy ? ended.transfer.sent_bytes() : 0};
  failed = !outcome.response;
  remove(id)->done(std::move(outcome));
}

// Each of these ends one request, as what is called then may change all others. True: there was one.
bool HttpMulti::Impl::end_refused() {
  for (auto& [id, one] : running) {
    if (one->refused) continue;
    end(id, [](Running& it) -> Result<HttpResponse> { return it.refused.error_as_is(); });
    return true;
  }
  return false;
}

bool HttpMulti::Impl::end_finished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(handle(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    const auto found = std::find_if(running.begin(), running.end(), [&](const auto& entry) {
      return entry.second->easy.get() == message->easy_handle;
    });
    if (found == running.end()) continue;
    end(found->first, [code](Running& it) { return it.transfer.finish(code); });
    return true;
  }
  return false;
}

bool HttpMulti::Impl::end_stalled() {
  for (auto& [id, one] : running) {
    if (one->stall.left() > 0us) continue;
    end(id, [](Running& it) -> Result<HttpResponse> { return tl::make_unexpected(it.stall.error()); });
    return true;
  }
  return false;
}

// Whether something was done with.
bool HttpMulti::Impl::work() {
  bool any = false;
  while (end_refused()) any = true;
  let_go_on();
  int still_running = 0;
  if (handle()) curl_multi_perform(handle(), &still_running);
  while (end_finished()) any = true;
  while (end_stalled()) any = true;
  return any;
}

// One at a time and in turn: it takes all that the rate gives.
void HttpMulti::Impl::let_go_on() {
  if (rate == nullptr || running.empty() || rate->until_some(Clock::system().mono()) > 0us) return;
  auto next = running.upper_bound(went_on);
  for (size_t i = 0; i < running.size(); ++i, ++next) {
    if (next == running.end()) next = running.begin();
    if (!next->second->transfer.held_back()) continue;
    went_on = next->first;
    return next->second->transfer.go_on();
  }
}

microseconds HttpMulti::Impl::until_next(microseconds longest) {
  microseconds left = longest;
  for (auto& [id, one] : running) {
    left = std::min({left, one->stall.left(), kLongestPoll});
    if (one->transfer.held_back()) left = std::min(left, rate->until_some(Clock::system().mono()));
  }
  return std::max(left, 0us);
}

HttpMulti::HttpMulti(ByteRate* rate) : impl_(std::make_unique<Impl>()) {
  impl_->rate = rate;
}

HttpMulti::~HttpMulti() = default;

HttpMulti::Id HttpMulti::start(HttpRequest request, Done done) {
  const Id id = ++impl_->last_id;
  request.resolve_again = request.resolve_again || impl_->failed;
  CurlEasy easy(impl_->handle() ? curl_easy_init() : nullptr);
  auto one =
      std::make_unique<Running>(impl_->connections, std::move(easy), std::move(request), impl_->rate, std::move(done));
  if (!one->easy)
    one->refused = fail(Code::internal, "libcurl cannot be set up");
  else
    one->refused = one->transfer.set_up();
  if (one->refused && curl_multi_add_handle(impl_->handle(), one->easy.get()) != CURLM_OK)
    one->refused = fail(Code::internal, "libcurl does not take the request");
  impl_->running.emplace(id, std::move(one));
  return id;
}

void HttpMulti::cancel(Id id) {
  impl_->remove(id);
}

size_t HttpMulti::running() const {
  return impl_->running.size();
}

int64_t HttpMulti::sent_bytes(Id id) const {
  const auto found = impl_->running.find(id);
  return found == impl_->running.end() ? 0 : found->second->transfer.sent_bytes();
}

void HttpMulti::run(microseconds longest) {
  const MonoTime end = Clock::system().mono() + longest;
  while (!impl_->work() && impl_->handle() && !impl_->woken.exchange(false)) {
    const microseconds left = end - Clock::system().mono();
    if (left <= 0us) return;
    const auto poll_ms = std::chrono::ceil<milliseconds>(impl_->until_next(left)).count();
    curl_multi_poll(impl_->handle(), nullptr, 0, static_cast<int>(poll_ms), nullptr);
  }
}

void HttpMulti::wake() {
  impl_->woken = true;
  if (impl_->handle()) curl_multi_wakeup(impl_->handle());
}

}  // namespace vedette
