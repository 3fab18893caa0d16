// What a config may contain, once: the checker, the defaults and the JSON
// Schema are all made from this table, so they cannot disagree.
#ifndef LRUTORTURE_HARNESS_CONFIG_SPEC_H_
#define LRUTORTURE_HARNESS_CONFIG_SPEC_H_

#include <cstdint>
#include <string>
#include <vector>

#include "harness/json_input.h"

namespace harness {

enum class SpecType {
  kText,      // string of at most `max` bytes
  kInteger,   // min..max
  kFlag,      // true or false
  kName,      // one of `names`
  kPoint,     // one of `names`, or an implicit point
  kObject,    // `keys`, no others
  kArray,     // at most `max` of `item`
  kNumberOr,  // an integer, min..max, or an object with `keys`
};

struct SpecKey;
struct Spec {
  SpecType type = SpecType::kObject;
  std::string doc;
  Json fallback;  // the default; null: none
  int64_t min = 0;
  int64_t max = 0;
  std::string noun;  // of a name, or of a key: "fault point", "operation"
  std::vector<std::string> names;
  std::vector<SpecKey> keys;
  std::vector<Spec> item;  // exactly one for kArray
};
struct SpecKey {
  std::string name;
  Spec spec;
  bool required = false;
};

inline constexpr int64_t kTasksTotalMax = 200;
inline constexpr size_t kErrorsShown = 100;  // more lines help nobody
inline constexpr const char* kConfigSchemaId = "lrutorture:config:1";

// Built anew at each call: names come from the catalog.
Spec ConfigSpec();

// Every way in which `value` departs from the spec, in document order.
void CheckSpec(const Spec& spec, const Json& value, const std::string& pointer,
               std::vector<InputError>& errors);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_CONFIG_SPEC_H_
