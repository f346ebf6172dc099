#include "uploader/s3_xml.h"

#include <algorithm>
#include <charconv>

namespace vedette::s3_xml {

namespace {

constexpr std::pair<std::string_view, char> kEntities[] = {
    {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};

// "&#34;" and "&#x22;", of one byte; how long it is, or 0.
size_t numeric_entity(std::string_view text, char& out) {
  const size_t end = text.substr(0, 8).find(';');
  if (text.substr(0, 2) != "&#" || end == std::string_view::npos) return 0;
  std::string_view digits = text.substr(2, end - 2);
  const bool hex = !digits.empty() && digits[0] == 'x';
  if (hex) digits.remove_prefix(1);
  int value = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  if (error != std::errc() || stop != digits.data() + digits.size() || value < 1 || value > 127) return 0;
  out = static_cast<char>(value);
  return end + 1;
}

std::string resolved(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    char c = text[0];
    size_t length = 1;
    const auto* entity = std::find_if(std::begin(kEntities), std::end(kEntities),
                                      [&](const auto& e) { return text.substr(0, e.first.size()) == e.first; });
    if (entity != std::end(kEntities)) {
      c = entity->second;
      length = entity->first.size();
    } else if (const size_t numeric = numeric_entity(text, c); numeric > 0) {
      length = numeric;
    }
    out += c;
    text.remove_prefix(length);
  }
  return out;
}

std::string tag(std::string_view name, std::string_view slash = "") {
  return "<" + std::string(slash) + std::string(name) + ">";
}

}  // namespace

bool is(std::string_view xml, std::string_view root) {
  for (;;) {
    const size_t begin = xml.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos || xml[begin] != '<') return false;
    xml.remove_prefix(begin);
    if (xml.substr(0, 2) != "<?") break;
    const size_t end = xml.find("?>");
    if (end == std::string_view::npos) return false;
    xml.remove_prefix(end + 2);
  }
  const std::string_view rest = xml.substr(1);
  return rest.substr(0, root.size()) == root && rest.size() > root.size() &&
         std::string_view(" \t\r\n>/").find(rest[root.size()]) != std::string_view::npos;
}

std::optional<std::string> text(std::string_view xml, std::string_view name) {
  const auto found = all(xml, name);
  if (found.empty() || found[0].find('<') != std::string_view::npos) return std::nullopt;
  return resolved(found[0]);
}

std::optional<int64_t> number(std::string_view xml, std::string_view name) {
  const auto digits = text(xml, name);
  if (!digits || digits->empty()) return std::nullopt;
  int64_t value = 0;
  const auto [stop, error] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
  if (error != std::errc() || stop != digits->data() + digits->size() || value < 0) return std::nullopt;
  return value;
}

std::vector<std::string_view> all(std::string_view xml, std::string_view name) {
  const std::string open = tag(name);
  const std::string close = tag(name, "/");
  std::vector<std::string_view> out;
  for (;;) {
    const size_t begin = xml.find(open);
    if (begin == std::string_view::npos) return out;
    xml.remove_prefix(begin + open.size());
    const size_t end = xml.find(close);
    if (end == std::string_view::npos) return out;
    out.push_back(xml.substr(0, end));
    xml.remove_prefix(end + close.size());
  }
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto* entity =
        std::find_if(std::begin(kEntities), std::end(kEntities), [c](const auto& e) { return e.second == c; });
    if (entity != std::end(kEntities))
      out += entity->first;
    else
      out += c;
  }
  return out;
}

}  // namespace vedette::s3_xml
