// What comes on B/response/{verb}: the envelope, the answers of all kinds, and the URLs in them.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "agent/grant_messages.h"
#include "uploader/grant_check.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_plain(const std::string& text) {
  for (const char c : text)
    if (c <= ' ' || c >= 0x7f || c == '"') return false;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vedette;
  mqtt::Message message;
  message.payload.assign(reinterpret_cast<const char*>(data), size);
  const auto response = decode_response(message, false, "upload.grant");
  if (!response) {
    require(!response.error().message.empty());
    return 0;
  }
  require((response->refusal.has_value()) == (response->result == nullptr));
  if (response->refusal)
    for (const char c : response->refusal->message) require(c >= ' ' && c < 0x7f);
  for (const auto about : {GrantQuestion::About::grant, GrantQuestion::About::complete, GrantQuestion::About::abort})
    for (const int64_t part_size_bytes : {0, 5 << 20}) {
      GrantQuestion question;
      question.about = about;
      question.part_size_bytes = part_size_bytes;
      const auto answer = grant_messages::read_answer(question, *response, MonoTime(1000s));
      if (!answer) continue;
      require(is_plain(answer->etag) && is_plain(answer->upload_id) && answer->size_bytes >= 0);
      require(answer->urls.size() <= 64);
      for (const GrantedUrl& granted : answer->urls) {
        require(granted.number >= 0 && granted.number <= 10'000);
        if (!check_granted(granted, {})) continue;
        require(granted.url.size() > 8 && granted.url.find_first_of("\r\n #") == std::string::npos);
        for (const auto& [name, value] : granted.headers)
          require((name + value).find_first_of("\r\n") == std::string::npos);
      }
    }
  return 0;
}
