#include "agent/diagnostics.h"

#include <nlohmann/json.hpp>

#include "agent/config_dump.h"
#include "agent/prometheus_text.h"
#include "agent/storage_verbs.h"
#include "agent/telemetry.h"
#include "core/ids.h"

namespace vedette {

namespace {

using messages::Answer;

constexpr size_t kMostWaiting = 2;
constexpr int kLosses = 100;

std::string pretty(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Its result, or why there is none.
std::string text_of(const Answer& answer) {
  return answer.result ? pretty(*answer.result) : answer.error.message + "\n";
}

Answer answer_of(const DiagnosticsBundle& bundle, bool uploaded) {
  Json result = {{"diagnostics_id", bundle.id},
                 {"path", bundle.path},
                 {"size_bytes", bundle.size_bytes},
                 {"sha256", bundle.sha256},
                 {"uploaded", uploaded}};
  if (bundle.object_key) result["object_key"] = *bundle.object_key;
  return messages::succeeded(std::move(result));
}

}  // namespace

Diagnostics::Diagnostics(const Config& config, const Layout& layout, const Volume& volume, Catalog& catalog,
                         const LossLedger& losses, const Cameras& cameras, StatusBoard& board, Monitoring& monitoring,
                         Inbox<Event>& inbox, const Clock& clock)
    : config_(config),
      layout_(layout),
      volume_(volume),
      catalog_(catalog),
      losses_(losses),
      cameras_(cameras),
      board_(board),
      monitoring_(monitoring),
      inbox_(inbox),
      clock_(clock),
      jobs_("diagnostics", kMostWaiting) {}

DiagnosticsFiles Diagnostics::collect() {
  DiagnosticsFiles files;
  files.emplace_back("config.json", pretty(config_dump(config_)));
  files.emplace_back("status.json", pretty(board_.status(board_.body().state)));
  for (const auto& [id, camera] : cameras_)
    files.emplace_back("cameras/" + id + ".json", pretty({{"state", state_name(camera->status().state)},
                                                          {"error", camera->status().error},
                                                          {"telemetry", camera_telemetry(*camera, {}, {})}}));
  files.emplace_back("metrics.txt", prometheus_text(monitoring_.metrics()));
  files.emplace_back("storage.json", text_of(storage_verbs::status(config_, catalog_)));
  LossQuery query;
  query.limit = kLosses;
  files.emplace_back("losses.json", text_of(storage_verbs::losses(losses_, query)));
  return files;
}

Answer Diagnostics::make(const ReplyTo& to, const AgentDiagnostics& request, bool uploads) {
  const UtcTime now = clock_.utc();
  const BundleOrder order{new_id(now), now, request.upload && uploads, to.command_id, to.traceparent};
  const bool queued = jobs_.submit([this, to, request, order, files = collect()](const std::stop_token&) mutable {
    for (auto& file : process_files()) files.push_back(std::move(file));
    inbox_.push(
        DiagnosticsMade{to, to.received + request.timeout, make_bundle(files, order, layout_, volume_, catalog_)});
  });
  if (!queued) return messages::rejected({Code::busy, "bundles are being made already; try again"});
  return messages::accepted();
}

void Diagnostics::answer(const ReplyTo& to, Answer answer) {
  inbox_.push(CommandDone{to, std::move(answer)});
}

void Diagnostics::on_made(DiagnosticsMade made) {
  if (!made.bundle) return answer(made.reply_to, messages::failed(made.bundle.error()));
  if (!made.bundle->object_key) return answer(made.reply_to, answer_of(*made.bundle, false));
  const std::string id = made.bundle->id;
  uploading_.emplace(id, std::move(made));
}

void Diagnostics::on_uploaded(const UploadReport& report) {
  if (!report.done) return;
  if (auto node = uploading_.extract(report.upload.subject_id))
    answer(node.mapped().reply_to, answer_of(*node.mapped().bundle, true));
}

void Diagnostics::expire() {
  const MonoTime now = clock_.mono();
  std::erase_if(uploading_, [&](const auto& entry) {
    const DiagnosticsMade& made = entry.second;
    if (now < made.deadline) return false;
    answer(made.reply_to, answer_of(*made.bundle, false));
    return true;
  });
}

}  // namespace vedette
