#pragma once

#include <string_view>

#include "core/result.h"
#include "sources/xml_nodes.h"

// Private to sources/onvif/: what all readers of a camera's SOAP answers begin with.
namespace vedette::onvif {

// The element of that name in the body. camera_unavailable: this is no such answer; what a fault says instead is the
// error of its own: forbidden, not_found, unsupported, camera_unavailable.
Result<pugi::xml_node> answer_of(pugi::xml_document& document, std::string_view text, std::string_view name);

}  // namespace vedette::onvif
