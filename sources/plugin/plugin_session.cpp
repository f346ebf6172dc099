#include "sources/plugin/plugin_session.h"

#include <cstring>

#include "core/log.h"
#include "core/redact.h"
#include "core/text.h"

namespace vedette::plugin {

namespace {

constexpr int kMostLines = 50;  // that a plug-in may log in one session
constexpr size_t kLongestLine = 256;

vedette_source_code host_code(const Status& status) {
  if (status) return VEDETTE_SOURCE_OK;
  return status.error().code == Code::camera_unavailable ? VEDETTE_SOURCE_STOPPED : VEDETTE_SOURCE_INVALID_ARGUMENT;
}

Code code_of(vedette_source_code code) {
  switch (code) {
    case VEDETTE_SOURCE_INVALID_ARGUMENT:
      return Code::invalid_argument;
    case VEDETTE_SOURCE_FORBIDDEN:
      return Code::forbidden;
    case VEDETTE_SOURCE_NOT_FOUND:
      return Code::not_found;
    case VEDETTE_SOURCE_UNAVAILABLE:
    case VEDETTE_SOURCE_STOPPED:
      return Code::camera_unavailable;
    case VEDETTE_SOURCE_UNSUPPORTED:
      return Code::unsupported;
    case VEDETTE_SOURCE_BUSY:
      return Code::busy;
    case VEDETTE_SOURCE_TIMED_OUT:
      return Code::timed_out;
    default:
      return Code::internal;
  }
}

std::string text_of(const char* text, size_t most) {
  std::string out(text, strnlen(text, most));
  return is_utf8(out) ? redact(out) : std::string("(no UTF-8)");
}

}  // namespace

// What the plug-in calls: nothing may be thrown into it.
struct HostCalls {
  static PluginSession& session(void* context) { return *static_cast<PluginSession*>(context); }

  template <class Call>
  static vedette_source_code guarded(void* context, Call call) {
    if (!context) return VEDETTE_SOURCE_INVALID_ARGUMENT;
    try {
      return host_code(call(session(context)));
    } catch (...) {  // out of memory
      return VEDETTE_SOURCE_INTERNAL;
    }
  }
  static vedette_source_code push_streams(void* context, const vedette_source_streams* streams) {
    return guarded(context, [streams](PluginSession& to) { return to.queue_.push(streams); });
  }
  static vedette_source_code push_packet(void* context, const vedette_source_packet* packet) {
    return guarded(context, [packet](PluginSession& to) { return to.queue_.push(packet, to.clock_.mono()); });
  }
  static int stopping(void* context) {
    if (!context) return 1;
    const std::lock_guard lock(session(context).mutex_);
    return session(context).closed_ ? 1 : 0;
  }
  static void log(void* context, const char* text) {
    if (!context || !text) return;
    PluginSession& from = session(context);
    {
      const std::lock_guard lock(from.mutex_);
      if (from.closed_ || from.lines_logged_++ >= kMostLines) return;
    }
    try {
      log::debug("plug-in", {{"camera", from.config_.camera_id}, {"text", text_of(text, kLongestLine)}});
    } catch (...) {  // out of memory
    }
  }
};

PluginSession::PluginSession(std::shared_ptr<const PluginLibrary> library, const SourceConfig& config,
                             const Clock& clock)
    : library_(std::move(library)), config_(config), clock_(clock) {
  host_.size = sizeof host_;
  host_.context = this;
  host_.push_streams = HostCalls::push_streams;
  host_.push_packet = HostCalls::push_packet;
  host_.stopping = HostCalls::stopping;
  host_.log = HostCalls::log;
}

Status PluginSession::outcome(const char* doing, vedette_source_code code) const {
  if (code == VEDETTE_SOURCE_OK) return {};
  std::string reason = text_of(error_, sizeof error_);
  if (reason.empty()) reason = queue_.why_refused();
  if (reason.empty()) reason = "code " + std::to_string(static_cast<int>(code));
  return fail(code_of(code), library_->name() + ": " + doing + ": " + reason);
}

Status PluginSession::connect_and_run() {
  const vedette_source_plugin& plugin = library_->functions();
  vedette_source_config config{};
  config.size = sizeof config;
  config.camera_id = config_.camera_id.c_str();
  config.url = config_.url.c_str();
  config.username = config_.username.c_str();
  config.password = config_.password.c_str();
  config.connect_timeout_ms = static_cast<uint32_t>(to_ms(config_.connect_timeout));
  config.stall_timeout_ms = static_cast<uint32_t>(to_ms(config_.stall_timeout));
  void* source = nullptr;
  if (auto made = outcome("create", plugin.create(&config, &source, error_, sizeof error_)); !made) return made;
  {
    const std::lock_guard lock(mutex_);
    source_ = source;
    if (closed_) return {};
  }
  if (auto open = outcome("open", plugin.open(source, &host_, error_, sizeof error_)); !open) return open;
  {
    const std::lock_guard lock(mutex_);
    opened_ = true;
    if (closed_) return {};
  }
  queue_.wake();
  return outcome("run", plugin.run(source, &host_, error_, sizeof error_));
}

void PluginSession::live() {
  Status status;
  bool made = false;
  try {
    status = connect_and_run();
  } catch (...) {
    status = fail(Code::internal, library_->name() + ": threw an exception");
  }
  void* source = nullptr;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !in_stop_; });
    source = std::exchange(source_, nullptr);
    made = source != nullptr;
  }
  if (made) try {
      library_->functions().destroy(source);
    } catch (...) {
      status = fail(Code::internal, library_->name() + ": destroy threw an exception");
    }
  {
    const std::lock_guard lock(mutex_);
    ended_ = std::move(status);
    changed_.notify_all();
  }
  queue_.wake();
}

void PluginSession::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    in_stop_ = true;  // as good as: stop() comes next, from a thread that has not begun yet
  }
  queue_.close();
}

void PluginSession::stop() {
  void* source = nullptr;
  {
    const std::lock_guard lock(mutex_);
    source = source_;
  }
  if (source) try {
      library_->functions().stop(source);
    } catch (...) {  // it returns, and that is what was asked for
    }
  const std::lock_guard lock(mutex_);
  in_stop_ = false;
  changed_.notify_all();
}

bool PluginSession::opened() const {
  const std::lock_guard lock(mutex_);
  return opened_;
}

std::optional<Status> PluginSession::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

bool PluginSession::wait_until_out(microseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return ended_ && !in_stop_; });
}

}  // namespace vedette::plugin
