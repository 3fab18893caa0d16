#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "harness/config_parts.h"

namespace harness {
namespace {

// The tokens of a JSON pointer (RFC 6901), unescaped.
std::optional<std::vector<std::string>> Tokens(std::string_view pointer) {
  if (pointer.empty() || pointer[0] != '/') return std::nullopt;
  std::vector<std::string> tokens;
  for (size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      tokens.emplace_back();
    } else if (pointer[i] != '~') {
      tokens.back() += pointer[i];
    } else if (++i < pointer.size() &&
               (pointer[i] == '0' || pointer[i] == '1')) {
      tokens.back() += pointer[i] == '0' ? '~' : '/';
    } else {
      return std::nullopt;
    }
  }
  return tokens;
}

// The element of an array that a token names; null and `why` when there is
// none.
Json* Element(Json& array, const std::string& token, std::string& why) {
  if (token == "-") {
    array.push_back(nullptr);
    return &array.back();
  }
  uint32_t index = 0;
  bool digits =
      !token.empty() && token.find_first_not_of("0123456789") == token.npos;
  if (!digits || (token.size() > 1 && token[0] == '0')) {
    why =
        absl::StrCat("'", Printable(token), "' is no array index; '-' appends");
    return nullptr;
  }
  if (!absl::SimpleAtoi(token, &index) || index >= array.size()) {
    why = absl::StrCat("no element ", Printable(token), ", there are ",
                       array.size(), "; '-' appends");
    return nullptr;
  }
  return &array[index];
}

// Where the value goes. New containers on the way are arrays where the next
// token is '-', else objects.
Json* Walk(const std::vector<std::string>& tokens, Json& document,
           std::string& why) {
  Json* at = &document;
  for (const std::string& token : tokens) {
    if (at->is_null()) *at = token == "-" ? Json::array() : Json::object();
    if (at->is_array()) {
      at = Element(*at, token, why);
      if (at == nullptr) return nullptr;
    } else if (at->is_object()) {
      at = &(*at)[token];
    } else {
      why = absl::StrCat("there is nothing inside ", TypeWithArticle(*at));
      return nullptr;
    }
  }
  return at;
}

// A report could not print any other string.
bool IsUtf8(const std::string& text) {
  std::string dumped =
      Json(text).dump(-1, ' ', false, Json::error_handler_t::ignore);
  return Json::parse(dumped).get<std::string>() == text;
}

}  // namespace

void ApplyOverride(const std::string& pointer, const std::string& value,
                   Json& document, std::vector<InputError>& errors) {
  auto error = [&](const std::string& what) {
    errors.push_back({pointer, absl::StrCat("--set: ", what)});
  };
  auto tokens = Tokens(pointer);
  if (!tokens) {
    error("not a JSON pointer (like /topology/nids)");
    return;
  }
  JsonInput parsed = ParseJson(value);
  bool meant_as_json =
      !value.empty() && std::string("{[\"").find(value[0]) != std::string::npos;
  if (!parsed.errors.empty() && (parsed.parsed || meant_as_json)) {
    const InputError& first = parsed.errors[0];
    error(absl::StrCat("value: ", first.pointer, ": ", first.what));
    return;
  }
  if (!parsed.parsed && !IsUtf8(value)) {
    error("value: not UTF-8");
    return;
  }
  std::string why;
  Json changed = document;  // a bad pointer leaves no half-made path behind
  Json* target = Walk(*tokens, changed, why);
  if (target == nullptr) {
    error(why);
    return;
  }
  *target = parsed.parsed ? std::move(parsed.value) : Json(value);
  document = std::move(changed);
}

}  // namespace harness
