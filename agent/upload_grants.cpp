#include "agent/upload_grants.h"

#include <nlohmann/json.hpp>

#include "agent/grant_messages.h"

namespace vedette {

void UploadGrants::ask(GrantQuestion question, GrantDone done) {
  inbox_.push(GrantAsked{std::move(question), std::move(done), asker_});
}

void UploadGrants::forget() {
  ++asker_;
  requests_.forget();
}

void UploadGrants::on_asked(GrantAsked asked) {
  if (asked.asker != asker_) return;
  const std::string verb = grant_messages::verb_of(asked.question);
  const Json body = grant_messages::body_of(asked.question);
  requests_.ask(verb, body, [asked = std::move(asked)](const Result<CloudResponse>& response, MonoTime sent) {
    asked.done(response ? grant_messages::read_answer(asked.question, *response, sent)
                        : Result<GrantAnswer>(response.error_as_is()));
  });
}

}  // namespace vedette
