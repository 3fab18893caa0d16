#include "harness/config.h"

#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "harness/config_parts.h"
#include "harness/config_spec.h"

namespace harness {
namespace {

using Order = absl::flat_hash_map<std::string, size_t>;

void Number(const Json& value, const std::string& pointer, Order& order) {
  order.emplace(pointer, order.size());
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      Number(member, ChildPointer(pointer, key), order);
    }
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) {
      Number(value[i], ChildPointer(pointer, i), order);
    }
  }
}

// Each step of ParseConfig finds its own sort of errors; people read them
// along the document. Those of no place in it (a bad --set) come first.
void SortByDocument(const Json& document, std::vector<InputError>& errors) {
  Order order;
  Number(document, "", order);
  std::multimap<size_t, InputError> sorted;  // keeps equals in their order
  for (InputError& error : errors) {
    auto it = order.find(error.pointer);
    sorted.emplace(it == order.end() ? 0 : it->second, std::move(error));
  }
  errors.clear();
  for (auto& [rank, error] : sorted) errors.push_back(std::move(error));
}

std::vector<std::string> Lines(const std::vector<InputError>& errors) {
  std::vector<std::string> lines;
  for (const InputError& error : errors) {
    if (lines.size() == kErrorsShown) {
      lines.push_back(absl::StrCat("(root): ", errors.size() - kErrorsShown,
                                   " more errors"));
      break;
    }
    std::string pointer = Printable(error.pointer, 200);
    lines.push_back(
        absl::StrCat(pointer.empty() ? "(root)" : pointer, ": ", error.what));
  }
  return lines;
}

}  // namespace

ParsedConfig ParseConfig(
    std::string_view text,
    const std::vector<std::pair<std::string, std::string>>& overrides) {
  ParsedConfig out;
  JsonInput input = ParseJson(text);
  if (!input.parsed) {
    out.errors = Lines(input.errors);
    return out;
  }
  Json& document = input.value;
  std::vector<InputError> errors = std::move(input.errors);
  if (document.is_object()) {
    for (const auto& [pointer, value] : overrides) {
      ApplyOverride(pointer, value, document, errors);
    }
  }
  CheckSpec(ConfigSpec(), document, "", errors);
  std::vector<InputError> rules, warnings;
  if (document.is_object()) {
    out.config = ReadConfig(document);
    CheckRules(document, out.config, errors, rules, warnings);
  }
  errors.insert(errors.end(), rules.begin(), rules.end());
  SortByDocument(document, errors);
  SortByDocument(document, warnings);
  out.errors = Lines(errors);
  out.warnings = Lines(warnings);
  return out;
}

}  // namespace harness
