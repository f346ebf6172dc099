#include "agent/clip_verbs.h"

#include <nlohmann/json.hpp>

namespace vedette::clip_verbs {

messages::Answer query(const Catalog& catalog, const ClipQuery& query, UtcTime now) {
  const auto page = catalog.query(query);
  if (!page) return messages::refused(page.error());
  Json clips = Json::array();
  for (const Clip& clip : page->clips) clips.push_back(to_json(clip, now));
  return messages::succeeded({{"clips", std::move(clips)},
                              {"next_cursor", page->next_cursor.empty() ? Json(nullptr) : Json(page->next_cursor)}});
}

messages::Answer get(const Catalog& catalog, const std::string& clip_id, UtcTime now) {
  const auto clip = catalog.clip(clip_id);
  if (!clip) return messages::refused(clip.error());
  return messages::succeeded({{"clip", to_json(*clip, now)}});
}

messages::Answer protect(Catalog& catalog, const ClipProtect& request, UtcTime now) {
  if (request.until && *request.until <= now)
    return messages::rejected({Code::invalid_argument, "/params/until: is in the past"});
  const auto clip = catalog.protect(request.clip_id, request.wanted, request.until);
  if (!clip) return messages::refused(clip.error());
  return messages::succeeded({{"clip", to_json(*clip, now)}});
}

messages::Answer url(const Catalog& catalog, const Target* target, const ClipUrl& request, UtcTime now) {
  const auto clip = catalog.clip(request.clip_id);
  if (!clip) return messages::refused(clip.error());
  if (!target) return messages::rejected({Code::unsupported, "upload.target is none"});
  if (clip->upload.state != UploadState::uploaded || !clip->upload.object_key)
    return messages::rejected({Code::conflict, "the clip is not in the object store: its upload is " +
                                                   std::string(to_string(clip->upload.state))});
  const auto url = target->presign(*clip->upload.object_key, request.ttl);
  if (!url) return messages::rejected(url.error());
  Json result = {{"url", *url}, {"expires_at", to_rfc3339(now + request.ttl)}};
  const auto manifest = catalog.manifest_key(request.clip_id);
  if (!manifest) return messages::failed(manifest.error());
  if (*manifest) {
    const auto manifest_url = target->presign(**manifest, request.ttl);
    if (!manifest_url) return messages::rejected(manifest_url.error());
    result["manifest_url"] = *manifest_url;
  }
  if (clip->poster_key) {
    const auto poster_url = target->presign(*clip->poster_key, request.ttl);
    if (!poster_url) return messages::rejected(poster_url.error());
    result["poster_url"] = *poster_url;
  }
  return messages::succeeded(std::move(result));
}

}  // namespace vedette::clip_verbs
