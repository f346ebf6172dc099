#include "agent/agent.h"

#include <algorithm>
#include <future>
#include <nlohmann/json.hpp>

#include "agent/agent_impl.h"
#include "core/log.h"
#include "storage/reindex.h"

namespace vedette {

namespace {

constexpr seconds kTick{1};
constexpr seconds kExpireCommandsInterval{3600};
constexpr microseconds kMattersToCommands = 1h;  // a step of the clock; they are kept for seven days
// Of the 5 s that an orderly end may take: to close the clips, to tell the broker of them, and to say good-bye.
constexpr milliseconds kCloseClips{3000};
constexpr milliseconds kDrainOutbox{500};
constexpr milliseconds kCloseSession{700};
constexpr milliseconds kEndUploads{1500};  // within a second, but for a call that hangs

}  // namespace

Agent::Impl::Impl(ConfigStart start, const Clock& clock, std::unique_ptr<Volume> volume, RunMarker marker,
                  std::unique_ptr<Database> database, std::unique_ptr<CommandLog> commands)
    : in_force_(std::move(start.composed.state)),
      clock_(clock),
      volume_(std::move(volume)),
      marker_(std::move(marker)),
      layout_(layout_of(config_)),
      database_(std::move(database)),
      catalog_(*database_, manifest_issuer(config_), makes_posters(config_)),
      outbox_(*database_, config_.mqtt.outbox.limits),
      commands_(std::move(commands)),
      losses_(*database_),
      intake_(base_topic(config_), group_topics(config_), *commands_, inbox_, clock,
              [this] { return keeper_.give_up_command_reserve(); }),
      publisher_(base_topic(config_), outbox_, clock),
      outbox_watch_(outbox_, publisher_, clock),
      replies_(*commands_, publisher_, clock),
      requests_([this](const CloudRequest& request) { return publisher_.request(request); }, clock),
      grants_(inbox_, requests_),
      home_assistant_(config_),
      clock_watch_(clock),
      id_conflict_(outbox_, clock),
      budget_(config_),
      camera_events_(cameras_, outbox_, clock),
      second_profiles_(config_, budget_, clock),
      recordings_(config_, layout_, *volume_, catalog_, losses_, outbox_, clock,
                  [this](RecorderReport report) { inbox_.push(std::move(report)); }),
      latency_(config_.latency_alarm, cameras_, recordings_, outbox_, clock),
      board_(config_, cameras_, recordings_, catalog_, outbox_, publisher_, clock),
      told_cameras_(config_, catalog_, board_),
      snapshots_(config_, layout_, *volume_, catalog_, outbox_, inbox_, clock),
      images_(config_, cameras_, snapshots_, publisher_, clock),
      creations_(config_, layout_, *volume_, catalog_, losses_, inbox_, clock),
      imports_(config_, layout_, *volume_, catalog_, inbox_, clock),
      posters_(
          makes_posters(config_), layout_, *volume_, catalog_, [this] { inbox_.push(PosterSettled{}); }, clock),
      upload_control_(config_, layout_, catalog_, posters_, publisher_, clock),
      probes_(config_, budget_, inbox_, clock),
      searches_(inbox_),
      keeper_(layout_, *volume_, *database_, catalog_, retention_limits(config_), inbox_, clock),
      watch_(layout_, *volume_, *database_, *commands_, losses_, outbox_, inbox_, clock),
      frame_streams_(config_, second_profiles_, inbox_, clock),
      long_commands_(clock),
      agent_verbs_(
          config_.log_level, *commands_, long_commands_, inbox_, [this] { board_.birth_again(); }, clock),
      monitoring_(config_, layout_, cameras_, recordings_, catalog_, outbox_, losses_, board_, *database_, clock),
      feed_(config_, monitoring_, clock),
      diagnostics_(config_, layout_, *volume_, catalog_, losses_, cameras_, board_, monitoring_, inbox_, clock),
      runner_(config_, cameras_, recordings_, snapshots_, second_profiles_, creations_, probes_, searches_, keeper_,
              frame_streams_, upload_control_, diagnostics_, catalog_, losses_, clock),
      feeds_(config_, inbox_, clock),
      applier_(in_force_, cameras_, removed_cameras_,
               {budget_, second_profiles_, recordings_, latency_, snapshots_, keeper_, frame_streams_, feeds_, board_,
                [this] { return begin_session(); }, [this] { begin_uploads(); },
                [this] { upload_control_.set_rate(config_.upload.max_bandwidth_bps); }, [this] { set_outbox(); },
                [this] { monitoring_.follow_tokens(); }},
               inbox_, clock),
      twin_(
          std::move(start), in_force_, applier_, [this] { return volume_->check(); }, board_, publisher_, outbox_,
          clock) {
  replies_.set_on_final([this](const ReplyTo& to, const messages::Answer& answer, MonoTime end) {
    board_.answered(answer.status, end - to.received);
    feed_.on_answer(to, answer, end);
  });
  runner_.attach(twin_);
  runner_.attach(&agent_verbs_);
  agent_verbs_.add_canceller([this](const std::string& id) { return snapshots_.cancel(id); });
  agent_verbs_.add_canceller([this](const std::string& id) { return creations_.cancel(id); });
  agent_verbs_.add_canceller([this](const std::string& id) { return probes_.cancel(id); });
  agent_verbs_.add_canceller([this](const std::string& id) { return searches_.cancel(id); });
  agent_verbs_.add_canceller([this](const std::string& id) { return upload_control_.cancel(id); });
}

Agent::Impl::~Impl() {
  for (auto& [id, camera] : cameras_) camera->request_stop();
  feeds_.request_stop();
  frame_streams_.request_stop();
  second_profiles_.request_stop();
  if (uploads_) uploads_->request_stop();
  snapshots_.request_stop();
  creations_.request_stop();
  imports_.request_stop();
  posters_.request_stop();
  probes_.request_stop();
  searches_.request_stop();
  keeper_.request_stop();
  watch_.request_stop();
  monitoring_.request_stop();
  feed_.request_stop();
  diagnostics_.request_stop();
  session_.reset();  // its callbacks use members that go before it otherwise
}

Status Agent::Impl::start(const RecoveryResult& recovered) {
  add_event("agent.started", {},
            {{"reason", marker_.last_run_crashed() ? "crash_recovered" : "start"},
             {"version", VEDETTE_VERSION},
             {"recovered_clips", recovered.recovered},
             {"quarantined_files", recovered.quarantined}});
  publisher_.outbox().set_rate(config_.mqtt.outbox.drain_per_s);
  const auto adopted = keeper_.adopt_snapshots();
  if (!adopted) log::error("snapshots of earlier runs", {{"error", adopted.error().message}});
  if (adopted.value_or(0) > 0) log::warn("snapshots without a row are uploaded", {{"snapshots", *adopted}});
  begin_uploads();
  applier_.make_cameras();
  recordings_.restore(cameras_);
  recordings_.keep_standing(cameras_);
  if (auto started = feeds_.start_all(); !started) return started.error_as_is();
  if (auto started = frame_streams_.start(); !started) return started.error_with("/live/frames");
  replies_.answer_interrupted();
  twin_.begin();
  if (auto begun = begin_session(); !begun) return begun.error_as_is();
  if (auto listening = monitoring_.start(imports_.intakes()); !listening) return listening.error_with("/http/listen");
  return {};
}

// Those who look at the session and at the uploads, of which either may be away.
void Agent::Impl::show_session_and_uploads() {
  board_.attach(session_.get(), uploads_.get());
  monitoring_.attach(session_.get(), uploads_.get());
}

void Agent::Impl::set_outbox() {
  if (const auto set = outbox_.set_limits(config_.mqtt.outbox.limits); !set)
    log::error("outbox: the bounds were not set", {{"error", set.error().message}});
  publisher_.outbox().set_rate(config_.mqtt.outbox.drain_per_s);
}

// Whether they have ended. Only a call to a folder that hangs takes longer than we wait, and may take for ever: then
// UploadsEnded comes when they have.
bool Agent::Impl::end_uploads() {
  if (uploads_ending_ > 0) return false;
  if (!uploads_) return true;
  uploads_->request_stop();
  const auto ending = std::make_shared<std::unique_ptr<UploadEngine>>(std::move(uploads_));
  const auto over = std::make_shared<std::promise<void>>();
  std::future<void> ended = over->get_future();
  const bool queued = uploads_end_.submit([this, ending, over, number = ++uploads_ended_](const std::stop_token&) {
    ending->reset();
    over->set_value();
    inbox_.push(UploadsEnded{number});
  });
  if (!queued) log::error("bug: the end of uploads waits for another one");
  show_session_and_uploads();
  if (ended.wait_for(kEndUploads) == std::future_status::ready) return true;
  uploads_ending_ = uploads_ended_;
  log::warn("uploads do not end: a call to their target hangs; others begin when it is over");
  return false;
}

// Ends what there is before.
void Agent::Impl::begin_uploads() {
  runner_.attach(static_cast<const Target*>(nullptr));
  upload_control_.attach(nullptr);
  if (!end_uploads()) return;
  grants_.forget();
  board_.set_upload_problem("");
  if (auto reset = catalog_.reset_uploads(); !reset)
    log::error("uploads that were under way wait for the next start", {{"reason", reset.error().message}});
  upload_control_.follow_config();
  if (auto target = make_target(config_, grants_)) {
    UploadHooks hooks;
    hooks.on_report = [this](UploadReport report) { inbox_.push(std::move(report)); };
    hooks.storage_is_there = [this] { return volume_->check().has_value(); };
    hooks.gate = [this](UtcTime now) { return upload_control_.gate(now); };
    uploads_ = std::make_unique<UploadEngine>(layout_, catalog_, std::move(target), std::move(hooks), clock_,
                                              config_.upload.max_bandwidth_bps);
  }
  runner_.attach(uploads_ ? &uploads_->target() : nullptr);
  show_session_and_uploads();
  upload_control_.attach(uploads_.get());
  posters_.look();
}

// Ends the one that there is before.
Status Agent::Impl::begin_session() {
  if (session_) end_session("offline");
  intake_.set_groups(group_topics(config_));
  auto session = start_session(config_, intake_, home_assistant_, inbox_, clock_, ++session_number_);
  if (!session) return session.error_with("MQTT cannot be started");
  session_ = std::move(*session);
  publisher_.attach(session_.get());
  show_session_and_uploads();
  return {};
}

void Agent::Impl::end_session(const char* last_state) {
  session_->close(publisher_.last_state("status", "status", board_.status(last_state)), kCloseSession);
  publisher_.on_disconnected();
  id_conflict_.on_disconnected();
  publisher_.attach(nullptr);
  requests_.on_disconnected();
  session_.reset();
  show_session_and_uploads();
}

// With the catalog went the events that were not delivered.
void Agent::Impl::record_lost_catalog() {
  const UtcTime now = clock_.utc();
  Loss loss;
  loss.what = "event";
  loss.start = loss.end = now;
  loss.reason = "catalog_damaged";
  losses_.note(std::move(loss), clock_);
}

void Agent::Impl::add_event(const char* type, const std::string& camera_id, const Json& data) {
  outbox_.note(make_event(type, camera_id, data, clock_.utc()));
}

// Those of this run were dated by the clock as it was.
void Agent::Impl::redate_commands(microseconds step) {
  const UtcTime before = clock_.utc() - step;
  if (const auto dated = commands_->redate(before - (clock_.mono() - started_), before, step); !dated)
    log::error("the commands of this run keep their dates", {{"reason", dated.error().message}});
}

// The wall clock was set, or is known to be right from now on.
void Agent::Impl::on_clock(const ClockChange& change) {
  if (change.step != 0us) {
    log::warn("the clock was set", {{"by_ms", to_ms(change.step)}, {"synced", change.synced}});
    add_event("clock.stepped", {}, {{"by_ms", to_ms(change.step)}, {"synced", change.synced}});
    recordings_.on_clock_set(change.step, cameras_);
    if (std::chrono::abs(change.step) >= kMattersToCommands) redate_commands(change.step);
  }
  keeper_.look_at_dates();
  board_.status_may_have_changed();
}

void Agent::Impl::tick() {
  const MonoTime now = clock_.mono();
  if (const auto change = clock_watch_.look()) on_clock(*change);
  for (auto& reply : snapshots_.expire()) answer(reply.to, reply.answer);
  for (auto& reply : upload_control_.tick()) answer(reply.to, reply.answer);
  for (auto& reply : long_commands_.impatient()) answer(reply.to, reply.answer);
  agent_verbs_.look_when_due(now);
  replies_.enter_told();
  if (outbox_watch_.look(now)) board_.status_may_have_changed();
  diagnostics_.expire();
  second_profiles_.close_unused();
  images_.take_when_due();
  twin_.look();
  applier_.tidy();
  recordings_.keep_standing(cameras_);
  recordings_.keep_events(cameras_);
  recordings_.enter_ends();
  if (latency_.look_when_due(now)) {
    board_.set_slow(latency_.slow());
    board_.status_may_have_changed();
  }
  id_conflict_.look();
  board_.set_id_conflict(id_conflict_.problem());
  board_.telemetry_sent_when_due(now);
  if (publisher_.doubts_states()) {
    board_.tell(Tell::if_changed);
    twin_.publish(Tell::if_changed);
    tell_retained();
  }
  told_cameras_.look();
  if (home_assistant_.follow_config())
    publisher_.announce(home_assistant_.announcement(told_cameras_.gone()), Tell::if_changed);
  imports_.follow_config();
  monitoring_.tick(now);
  feed_.tick(now);
  keeper_.look_when_due(now);
  requests_.tick();
  if (now >= next_expire_) {
    next_expire_ = now + kExpireCommandsInterval;
    if (const auto expired = commands_->expire(clock_.utc()); !expired)
      log::error("the command log cannot be cleaned", {{"reason", expired.error().message}});
    else if (*expired > 0)
      next_expire_ = now;  // there may be more
  }
  publisher_.pump();
}

void Agent::Impl::run() {
  MonoTime next_tick = clock_.mono();
  while (!stopping_) {
    monitoring_.beat();
    if (auto event = inbox_.pop(std::min(next_tick, publisher_.outbox().due()), {}))
      std::visit([this](auto&& e) { on(std::forward<decltype(e)>(e)); }, std::move(*event));
    if (clock_.mono() >= publisher_.outbox().due()) publisher_.pump();
    if (clock_.mono() < next_tick) continue;
    tick();
    next_tick = clock_.mono() + kTick;
  }
  shut_down();
}

void Agent::Impl::drain_until(MonoTime deadline, const std::function<bool()>& done) {
  while (!done() && clock_.mono() < deadline) {
    if (auto event = inbox_.pop(std::min(deadline, publisher_.outbox().due()), {}))
      std::visit([this](auto&& e) { on(std::forward<decltype(e)>(e)); }, std::move(*event));
    if (clock_.mono() >= publisher_.outbox().due()) publisher_.pump();
  }
}

void Agent::Impl::shut_down() {
  log::info("stopping", {{"reason", shutdown_reason_}});
  monitoring_.stopping(shutdown_reason_ != kCatalogDamaged);
  add_event("agent.stopping", {}, {{"reason", shutdown_reason_}});
  publisher_.state("status", "status", board_.status("stopping"));
  const MonoTime now = clock_.mono();
  creations_.request_stop();
  imports_.request_stop();
  probes_.request_stop();
  searches_.request_stop();
  frame_streams_.request_stop();
  recordings_.stop_all();
  drain_until(now + kCloseClips, [this] { return recordings_.empty(); });
  if (!recordings_.empty()) log::error("clips could not be closed in time; they are recovered at the next start");
  if (auto written = losses_.write_kept(kNever); !written)
    log::warn("losses are not recorded", {{"error", written.error().message}});
  publisher_.pump();
  drain_until(clock_.mono() + kDrainOutbox,
              [this] { return !session_ || !session_->connected() || publisher_.drained(); });
  replies_.enter_told();
  if (session_ && session_->connected() && publisher_.drained()) told_cameras_.settle();
  feed_.request_stop();  // its last words go while we take leave of the broker
  if (session_) end_session("offline");
  if (volume_->check())
    marker_.clear();
  else
    database_->leave_log();  // by its path, something else would be removed
}

Result<std::unique_ptr<Agent>> Agent::create(ConfigStart start, const Clock& clock) {
  const Layout layout = layout_of(start.composed.state.config);
  auto volume = Volume::open(layout);
  if (!volume) return volume.error_with("/storage/path");
  auto marker = RunMarker::set(layout.root);
  if (!marker) return marker.error_with("/storage/path");
  auto opened = open_catalog(layout);
  if (!opened) return opened.error_with("/storage/path");

  auto commands = CommandLog::open(*opened->database, layout.command_journal());
  if (opened->database->is_damaged()) opened->database->mark_damaged();
  if (!commands) return commands.error_with("/storage/path");

  auto impl = std::make_unique<Impl>(std::move(start), clock, std::move(*volume), std::move(*marker),
                                     std::move(opened->database), std::move(*commands));
  const auto recovered = recover(impl->layout(), impl->catalog(), impl->losses(), clock);
  if (impl->catalog().is_damaged()) impl->database().mark_damaged();
  if (!recovered) return recovered.error_with("recovery");
  if (recovered->indexed > 0) log::warn("closed clips were indexed again", {{"clips", recovered->indexed}});
  if (!opened->made_anew.empty()) {
    take_over(opened->aside, impl->catalog(), clock.utc());
    impl->record_lost_catalog();
  }
  if (recovered->recovered + recovered->quarantined + recovered->forgotten > 0)
    log::warn("recovered after a crash", {{"clips", recovered->recovered},
                                          {"quarantined", recovered->quarantined},
                                          {"forgotten", recovered->forgotten}});
  if (auto started = impl->start(*recovered); !started) return started.error_as_is();
  return std::unique_ptr<Agent>(new Agent(std::move(impl)));
}

Agent::Agent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Agent::~Agent() = default;
void Agent::run() {
  impl_->run();
}
void Agent::request_shutdown(std::string reason) {
  impl_->inbox().push(ShutdownRequested{std::move(reason)});
}
void Agent::request_reload() {
  impl_->inbox().push(ReloadRequested{});
}

}  // namespace vedette
