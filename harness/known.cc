#include "harness/known.h"

#include <cstdio>
#include <utility>

#include "nlohmann/json.hpp"

namespace harness {
namespace {

using Json = nlohmann::json;

constexpr const char kText[] =
#include "known_findings.inc"
    ;

std::vector<KnownFinding>& Known() {
  static auto* const kKnown = new std::vector<KnownFinding>;
  return *kKnown;
}

// "6.12": with every SUBLEVEL (`end`), or from the first on.
int CodeOf(const std::string& version, bool end) {
  int major = 0, minor = 0, patch = 0;
  int fields = std::sscanf(version.c_str(), "%d.%d.%d", &major, &minor, &patch);
  if (fields < 3) patch = end ? 255 : 0;
  return major << 16 | minor << 8 | patch;
}

}  // namespace

std::vector<KnownFinding> KnownFindingsOf(int code) {
  std::vector<KnownFinding> known;
  const Json document = Json::parse(kText);
  for (const Json& entry : document["findings"]) {
    if (code < CodeOf(entry["since"], false)) continue;
    if (code > CodeOf(entry["until"], true)) continue;
    known.push_back({entry["bug"], entry["violation"], entry["sentence"],
                     entry.value("ends_run", false)});
  }
  return known;
}

void SetKnownFindings(std::vector<KnownFinding> known) {
  if (known.size() > kKnownMax) known.resize(kKnownMax);
  Known() = std::move(known);
}
const std::vector<KnownFinding>& KnownFindings() { return Known(); }

int FindKnown(const char* invariant, const char* what) {
  const std::vector<KnownFinding>& all = Known();
  if (all.empty()) return -1;
  char violation[128];
  snprintf(violation, sizeof(violation), "%s|%s", invariant, what);
  for (size_t i = 0; i < all.size(); i++) {
    for (const std::string& known : all[i].violations) {
      if (known == violation) return static_cast<int>(i);
    }
  }
  return -1;
}

}  // namespace harness
