#include "agent/grant_config.h"

#include "uploader/grant_check.h"

namespace vedette {

void read_grant_origins(JsonReader& r, Config::Upload& upload, std::vector<std::string>& warnings) {
  const bool by_grant = upload.target == Config::UploadTarget::grant;
  const std::string path = r.path() + "/grant_origins";
  if (auto origins = r.strings("grant_origins", 16, 8, 261)) {
    for (size_t i = 0; i < origins->size(); ++i) {
      const std::string place = path + "/" + std::to_string(i);
      if (!is_origin((*origins)[i]))
        r.errors().push_back({place, "must be https://host[:port] or http://host[:port]"});
      else if ((*origins)[i][4] == ':')
        warnings.push_back(place + ": clips travel unencrypted over http://");
    }
    upload.grant_origins = std::move(*origins);
    if (!by_grant && !upload.grant_origins.empty()) warnings.push_back(path + ": has no effect without target: grant");
  }
  if (!by_grant) return;
  for (const char* key : {"endpoint", "bucket", "access_key_id", "access_key_id_file", "secret_access_key",
                          "secret_access_key_file", "session_token", "session_token_file", "credentials_endpoint"})
    if (r.has(key)) warnings.push_back(r.path() + "/" + key + ": has no effect with target: grant");
}

}  // namespace vedette
