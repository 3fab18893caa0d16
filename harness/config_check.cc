#include <algorithm>
#include <cctype>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "harness/config.h"
#include "harness/config_names.h"
#include "harness/config_spec.h"

namespace harness {
namespace {

void Error(std::vector<InputError>& errors, const std::string& pointer,
           std::string what) {
  errors.push_back({pointer, std::move(what)});
}

std::string Range(const Spec& spec) {
  return absl::StrCat(spec.min, "..", spec.max);
}

std::string Wanted(const Spec& spec) {
  return absl::StrCat("must be an integer in ", Range(spec),
                      spec.type == SpecType::kNumberOr ? " or an object" : "");
}

// "unknown lru 'x' (did you mean 'y'?)"
std::string Unknown(const std::string& noun, const std::string& name,
                    const std::vector<std::string>& names) {
  return absl::StrCat("unknown ", noun, " '", Printable(name), "'",
                      WhichNames(name, names));
}

void CheckInteger(const Spec& spec, const Json& value,
                  const std::string& pointer, std::vector<InputError>& errors) {
  if (!value.is_number()) {
    Error(errors, pointer,
          absl::StrCat(Wanted(spec), ", not ", TypeWithArticle(value)));
    return;
  }
  // 1e4 is an integer, in JSON Schema as here.
  double number = value.get<double>();
  if (value.is_number_float() && number != std::floor(number)) {
    Error(errors, pointer, absl::StrCat(Wanted(spec), ", not ", value.dump()));
    return;
  }
  bool inside;
  if (value.is_number_float()) {
    // 2^63 as a double is above every int64: `<` keeps the cast defined.
    inside = number >= static_cast<double>(spec.min) && number < 0x1p63 &&
             static_cast<int64_t>(number) <= spec.max;
  } else if (value.is_number_unsigned()) {
    uint64_t natural = value.get<uint64_t>();
    inside = natural <= static_cast<uint64_t>(spec.max) &&
             static_cast<int64_t>(natural) >= spec.min;
  } else {
    inside = value.get<int64_t>() >= spec.min;
    inside = inside && value.get<int64_t>() <= spec.max;
  }
  if (!inside) {
    Error(errors, pointer,
          absl::StrCat(value.dump(), " is out of range ", Range(spec)));
  }
}

void CheckFlag(const Json& value, const std::string& pointer,
               std::vector<InputError>& errors) {
  if (value.is_boolean()) return;
  Error(errors, pointer,
        absl::StrCat("must be true or false, not ", TypeWithArticle(value)));
}

bool IsFileName(const std::string& text) {
  return std::isalnum(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) || c == '.' ||
                  c == '_' || c == '-';
         });
}

void CheckText(const Spec& spec, const std::string& text,
               const std::string& pointer, std::vector<InputError>& errors) {
  if (text.size() > static_cast<size_t>(spec.max) ||
      text.size() < static_cast<size_t>(spec.min)) {
    Error(
        errors, pointer,
        absl::StrCat("has ", text.size(), " bytes; allowed are ", Range(spec)));
  } else if (spec.noun == "file name" && !IsFileName(text)) {
    Error(errors, pointer,
          absl::StrCat("'", Printable(text),
                       "' must start with a letter or digit and go on with "
                       "those, '.', '_' or '-'"));
  }
}

}  // namespace

std::string LruError(const std::string& name) {
  std::string error = Catalog::Get().LoadLru(name);
  if (!error.empty() || Catalog::Get().FindLru(name) != nullptr) return error;
  std::vector<std::string> names = LruNames();
  names.push_back("FILE.so");
  return Unknown("lru", name, names);
}

namespace {

void CheckString(const Spec& spec, const Json& value,
                 const std::string& pointer, std::vector<InputError>& errors) {
  if (!value.is_string()) {
    Error(errors, pointer,
          absl::StrCat("must be a string, not ", TypeWithArticle(value)));
    return;
  }
  const std::string& text = value.get_ref<const std::string&>();
  if (spec.type == SpecType::kText) {
    CheckText(spec, text, pointer, errors);
  } else if (spec.type == SpecType::kPoint && LooksImplicit(text)) {
    std::string error = ParseImplicit(text).error;
    if (!error.empty()) Error(errors, pointer, error);
  } else if (spec.noun == "lru") {
    std::string error = LruError(text);
    if (!error.empty()) Error(errors, pointer, error);
  } else if (std::find(spec.names.begin(), spec.names.end(), text) ==
             spec.names.end()) {
    bool implicit = spec.noun == "fault point" && LooksImplicit(text);
    Error(errors, pointer,
          implicit ? absl::StrCat("'", Printable(text, 120),
                                  "' is an implicit point, and nobody can "
                                  "wait for one (see lrutorture list points)")
                   : Unknown(spec.noun, text, spec.names));
  }
}

void CheckObject(const Spec& spec, const Json& value,
                 const std::string& pointer, std::vector<InputError>& errors) {
  if (!value.is_object()) {
    Error(errors, pointer,
          absl::StrCat("must be an object, not ", TypeWithArticle(value)));
    return;
  }
  for (const SpecKey& key : spec.keys) {
    if (key.required && !value.contains(key.name)) {
      Error(errors, pointer, absl::StrCat("missing key '", key.name, "'"));
    }
  }
  for (const auto& [name, member] : value.items()) {
    std::string child = ChildPointer(pointer, name);
    auto key = std::find_if(spec.keys.begin(), spec.keys.end(),
                            [&](const SpecKey& k) { return k.name == name; });
    if (key != spec.keys.end()) {
      CheckSpec(key->spec, member, child, errors);
      continue;
    }
    // Suggestions cost time; nobody will see this one.
    if (errors.size() >= kErrorsShown) {
      Error(errors, child, "unknown key");
      continue;
    }
    std::vector<std::string> names;
    for (const SpecKey& k : spec.keys) names.push_back(k.name);
    Error(errors, child, Unknown(spec.noun, name, names));
  }
}

void CheckArray(const Spec& spec, const Json& value, const std::string& pointer,
                std::vector<InputError>& errors) {
  if (!value.is_array()) {
    Error(errors, pointer,
          absl::StrCat("must be an array, not ", TypeWithArticle(value)));
    return;
  }
  size_t max = static_cast<size_t>(spec.max);
  if (value.size() > max) {
    Error(errors, pointer,
          absl::StrCat(value.size(), " elements; at most ", max));
  }
  for (size_t i = 0; i < value.size() && i < max; ++i) {
    CheckSpec(spec.item[0], value[i], ChildPointer(pointer, i), errors);
  }
}

}  // namespace

void CheckSpec(const Spec& spec, const Json& value, const std::string& pointer,
               std::vector<InputError>& errors) {
  switch (spec.type) {
    case SpecType::kText:
    case SpecType::kName:
    case SpecType::kPoint:
      return CheckString(spec, value, pointer, errors);
    case SpecType::kInteger:
      return CheckInteger(spec, value, pointer, errors);
    case SpecType::kFlag:
      return CheckFlag(value, pointer, errors);
    case SpecType::kObject:
      return CheckObject(spec, value, pointer, errors);
    case SpecType::kArray:
      return CheckArray(spec, value, pointer, errors);
    case SpecType::kNumberOr:
      return value.is_object() ? CheckObject(spec, value, pointer, errors)
                               : CheckInteger(spec, value, pointer, errors);
  }
}

}  // namespace harness
