#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/config.h"
#include "agent/config_document.h"

namespace vedette {

// A document, and what of it was said by the environment.
struct Overridden {
  // A place in the document that a variable set.
  struct Place {
    std::string pointer;
    std::string variable;
    std::string begin;  // the first object on the way there that is not in the file; the pointer itself where all are
    std::string why_text = {};  // it looks like an object or an array and is none
  };

  Document document;
  std::vector<Place> places = {};

  // Puts the variables that have to do with it behind each error ("/mqtt/url: ... (VEDETTE__MQTT__URL)"). A warning
  // begins with its pointer and a colon.
  void name_variables(std::vector<FieldError>& errors) const;
  void name_variables(std::vector<std::string>& warnings) const;

 private:
  std::string variables_of(const std::string& pointer) const;
};

// ConfigEnvironment is what the environment says upon the configuration file: VEDETTE__MQTT__URL is /mqtt/url there,
// and what it says comes before what the file says. Immutable.
//
// Case does not count in names, and '-' may be written '_': what the file has is found, else the lower case is taken. A
// value is JSON where it is a number, true, false, an object or an array, unless a string is wanted there, as of a
// password that is all digits; anything else is the text as it is. A secret and its `_file` replace each other.
class ConfigEnvironment {
 public:
  static constexpr std::string_view kPrefix = "VEDETTE__";

  // Of NAME=value; all without the prefix are left out.
  explicit ConfigEnvironment(const std::vector<std::string>& environment);
  // Of this process, in which nobody changes it.
  static ConfigEnvironment of_process();

  // Of the parsed file, which keeps within the limits of one. Errors are those of the variables themselves; what they
  // set is checked by who reads the document. Reads the secrets that it names when it has to know where strings belong.
  tl::expected<Overridden, ConfigErrors> upon(Json file) const;

 private:
  struct Variable {
    std::string name;
    std::vector<std::string> steps;
    std::string text;
  };
  std::vector<Variable> variables_;  // of an object before those of what is in it
};

}  // namespace vedette
