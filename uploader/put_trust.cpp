#include "uploader/put_trust.h"

#include <algorithm>

namespace vedette {

bool has_md5_form(std::string_view etag) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  return etag.size() == 32 && std::all_of(etag.begin(), etag.end(), is_hex);
}

bool PutTrust::wants_comparison(const HttpResponse& answer, std::string_view etag) const {
  if (!any_compared_ || has_md5_form(etag) != has_md5_form_) return true;
  return !client_.is_encrypted() && (answer.new_connection || client_.connections() != at_connections_);
}

void PutTrust::compared(std::string_view etag) {
  any_compared_ = true;
  has_md5_form_ = has_md5_form(etag);
  at_connections_ = client_.connections();
}

}  // namespace vedette
