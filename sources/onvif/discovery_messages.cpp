#include "sources/onvif/discovery_messages.h"

#include <algorithm>

#include "core/text.h"
#include "sources/network_url.h"
#include "sources/rtsp/message.h"
#include "sources/xml_nodes.h"

namespace vedette::onvif {

namespace {

using xml::find;
using xml::local_name;
using xml::text_of;

constexpr size_t kMostMatches = 16;  // in one datagram; there is one, but for proxies
constexpr size_t kMostAddressBytes = 256;
constexpr size_t kMostTextBytes = 128;
constexpr std::string_view kNameScope = "onvif://www.onvif.org/name/";
constexpr std::string_view kHardwareScope = "onvif://www.onvif.org/hardware/";
constexpr std::string_view kLinkLocal = "169.254.";

bool is_plain(std::string_view text, size_t most_bytes) {
  return !text.empty() && text.size() <= most_bytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// What stands behind that beginning of a scope, for people.
std::string tail_of(std::string_view scope, std::string_view beginning) {
  if (!scope.starts_with(beginning)) return {};
  std::string text = percent_decode(scope.substr(beginning.size()));
  const bool controls =
      std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
  return is_utf8(text) && !controls && text.size() <= kMostTextBytes ? text : std::string();
}

void read_scopes(const std::string& text, FoundCamera& out) {
  for (const std::string_view scope : words_of(text)) {
    if (!is_plain(scope, kMostTextBytes)) continue;
    if (out.name.empty()) out.name = tail_of(scope, kNameScope);
    if (out.hardware.empty()) out.hardware = tail_of(scope, kHardwareScope);
    if (out.scopes.size() < FoundCamera::kMostScopes) out.scopes.emplace_back(scope);
  }
}

// Smaller is better: the address that the answer came from, then those that are not of this wire only.
int rank_of(const NetworkUrl& url, std::string_view sender) {
  if (url.host == sender) return 0;
  const bool here_only = url.host.find(':') != std::string::npos || url.host.starts_with(kLinkLocal);
  return here_only ? 2 : 1;
}

void read_xaddrs(const std::string& text, std::string_view sender, FoundCamera& out) {
  int best = 3;
  for (const std::string_view word : words_of(text)) {
    const auto url = parse_network_url(word);
    const bool good = is_plain(word, kMostTextBytes) && url && (url->scheme == "http" || url->scheme == "https");
    if (!good || out.xaddrs.size() >= FoundCamera::kMostXaddrs) continue;
    out.xaddrs.emplace_back(word);
    const int rank = rank_of(*url, sender);
    if (rank >= best) continue;
    best = rank;
    out.tls = url->scheme == "https";
    NetworkUrl to = *url;
    if (to.port == 0) to.port = out.tls ? 443 : 80;
    out.url = "onvif://" + to.authority();
  }
}

}  // namespace

std::string probe_message(std::string_view id) {
  std::string out =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
      "xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" "
      "xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\" "
      "xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\"><s:Header>"
      "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action><a:MessageID>urn:uuid:";
  out.append(id);
  out +=
      "</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header><s:Body><d:Probe>"
      "<d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>";
  return out;
}

std::vector<FoundCamera> read_probe_matches(std::string_view datagram, std::string_view id, std::string_view sender) {
  pugi::xml_document document;
  if (!document.load_buffer(datagram.data(), datagram.size())) return {};
  const std::string relates_to = text_of(find(find(document, "Header"), "RelatesTo"));
  // Cameras write "urn:uuid:" or "uuid:" in front of it.
  const size_t begin = relates_to.size() - std::min(id.size(), relates_to.size());
  if (id.empty() || !rtsp::equal_ignoring_case(std::string_view(relates_to).substr(begin), id)) return {};
  std::vector<FoundCamera> out;
  for (const pugi::xml_node& match : find(find(document, "Body"), "ProbeMatches").children()) {
    if (local_name(match) != "ProbeMatch" || out.size() >= kMostMatches) continue;
    if (text_of(find(match, "Types")).find("NetworkVideoTransmitter") == std::string::npos) continue;
    FoundCamera camera;
    camera.address = text_of(find(find(match, "EndpointReference"), "Address"));
    read_scopes(text_of(find(match, "Scopes")), camera);
    read_xaddrs(text_of(find(match, "XAddrs")), sender, camera);
    if (is_plain(camera.address, kMostAddressBytes) && !camera.url.empty()) out.push_back(std::move(camera));
  }
  return out;
}

}  // namespace vedette::onvif
