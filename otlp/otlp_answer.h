#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "net/http_client.h"

namespace vedette {

// What a collector made of a request, by the rules of OTLP/HTTP.
struct OtlpAnswer {
  enum class Verdict : uint8_t {
    taken,    // all of it but `rejected`
    later,    // it did not get there, or the collector is too busy: the same may be sent again
    refused,  // for good: the same is never taken
  };
  Verdict verdict = Verdict::taken;
  int64_t rejected = 0;                // spans or points of what was taken
  std::string message;                 // why; of what was taken, too, where the collector has something to say
  std::optional<seconds> retry_after;  // not before
};

OtlpAnswer read_otlp_answer(const Result<HttpResponse>& response);

}  // namespace vedette
