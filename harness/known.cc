#include "harness/known.h"

#include <array>
#include <climits>
#include <cstdio>
#include <set>
#include <utility>

#include "absl/strings/str_split.h"
#include "harness/json_input.h"

namespace harness {
namespace {

constexpr int kAll = INT_MAX;

constexpr const char kText[] =
#include "known_findings.inc"
    ;

std::vector<KnownFinding>& Known() {
  static auto* const kKnown = new std::vector<KnownFinding>;
  return *kKnown;
}

using KernelVersion = std::array<int, 3>;

// What is missing behind "6.12" is `rest`.
KernelVersion Parse(const std::string& text, int rest) {
  KernelVersion version = {0, rest, rest};
  std::sscanf(text.c_str(), "%d.%d.%d", &version[0], &version[1], &version[2]);
  return version;
}

// `ranges`: pairs of the first and the last that has it, in order.
bool IsMended(const Json& ranges, const KernelVersion& version) {
  bool mended = false;
  for (const Json& range : ranges) {
    if (version < Parse(range[0], 0)) return mended;
    mended = range.size() > 1 && version > Parse(range[1], kAll);
  }
  return mended;
}

}  // namespace

std::vector<KnownFinding> KnownFindingsOf(const std::string& version,
                                          const std::string& bugs) {
  std::vector<KnownFinding> known;
  const std::set<std::string> found = absl::StrSplit(bugs, ' ');
  const Json document = Json::parse(kText);
  for (const Json& entry : document["findings"]) {
    if (!found.contains(entry["when"].get_ref<const std::string&>())) continue;
    if (IsMended(entry["versions"], Parse(version, 0))) continue;
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
