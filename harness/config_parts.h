// The steps of ParseConfig, in their order: overrides, CheckSpec, reading,
// rules.
#ifndef LRUTORTURE_HARNESS_CONFIG_PARTS_H_
#define LRUTORTURE_HARNESS_CONFIG_PARTS_H_

#include <string>
#include <utility>
#include <vector>

#include "harness/config.h"
#include "harness/json_input.h"

namespace harness {

// `--set POINTER=VALUE`: creates the objects on the way; `-` appends to an
// array. VALUE is JSON, or else a bare word, which counts as a string.
void ApplyOverride(const std::string& pointer, const std::string& value,
                   Json& document, std::vector<InputError>& errors);

// Reads what is right and keeps the default of what is not: CheckSpec has
// reported that.
Config ReadConfig(const Json& document);

// What no table says: rules between keys. Only those are reported whose keys
// are right in themselves; `broken` are the errors found so far.
void CheckRules(const Json& document, const Config& config,
                const std::vector<InputError>& broken,
                std::vector<InputError>& errors,
                std::vector<InputError>& warnings);

// Whether `pointer` is `prefix` or inside it.
bool IsWithin(const std::string& pointer, const std::string& prefix);

// What config.faults[i] is called in messages.
std::string PointName(const Fault& fault);
// What is held at its point, as far as is known.
lru::held HoldsAt(const Fault& fault);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_CONFIG_PARTS_H_
