#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/ed25519.h"
#include "core/json.h"

// A JSON object as a text that is hashed, signed and kept byte by byte: UTF-8, no space, names in the order of their
// bytes, no line break at the end. A signature is its last member, whatever the order says:
//
//   {"a":1,"z":2}   ->   {"a":1,"z":2,"signature":"<64 bytes in Base64>"}
//
// What is signed is the text before the signature was put in. So it is checked without parsing, by cutting the last
// member off again.
namespace vedette {

// The text without a signature.
std::string to_canonical_text(const Json& object);
// The text with one.
std::string signed_text(std::string_view text, const SigningKey& key);

struct SignedText {
  std::string text;                      // what was signed
  std::optional<std::string> signature;  // raw bytes; nothing: not signed
};
// Any text is taken: whether it is JSON, and what it says, is not looked at.
SignedText split_signature(std::string_view text);

}  // namespace vedette
