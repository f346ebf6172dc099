#pragma once

#include <string>

#include "agent/cloud_response.h"
#include "core/json.h"
#include "uploader/grant_source.h"

// The requests upload.grant and upload.complete, and the answers to them, as schemas/ has them.
namespace vedette::grant_messages {

// upload.grant, or upload.complete, which also tells that parts are of no use any more.
std::string verb_of(const GrantQuestion& question);
// The request without its envelope.
Json body_of(const GrantQuestion& question);

// The answer to it, which is hostile as long as nobody has looked at it: strict, and what it must not say
// is an unusable_grant(). `asked` is when the request went out first. The URLs are not checked here
// (uploader/grant_check.h).
Result<GrantAnswer> read_answer(const GrantQuestion& question, const CloudResponse& response, MonoTime asked);

}  // namespace vedette::grant_messages
