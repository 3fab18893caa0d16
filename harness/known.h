// Findings that are known already: of an lru that is somebody else's code, a
// kernel's own, and has bugs that are no news. A violation that is one of them
// is counted and reported as known, and the run goes on.
#ifndef LRUTORTURE_HARNESS_KNOWN_H_
#define LRUTORTURE_HARNESS_KNOWN_H_

#include <string>
#include <string_view>
#include <vector>

namespace harness {

inline constexpr int kKnownMax = 16;

struct KnownFinding {
  std::string bug;                      // "79a031583ca5", "CVE-2026-53153"
  std::vector<std::string> violations;  // "INVARIANT|WHAT"
  std::string sentence;
  bool ends_run = false;  // what comes after it is its consequence
};

// Those of lru/kernel/known_findings.json whose `when` is one of `bugs`, which
// are separated by spaces, unless they are mended by that `version`:
// "6.12.117", or anything else for one that is not known.
std::vector<KnownFinding> KnownFindingsOf(const std::string& version,
                                          const std::string& bugs);

// In force from here on, for all runs; before any task starts.
void SetKnownFindings(std::vector<KnownFinding> known);
const std::vector<KnownFinding>& KnownFindings();

// Its index; -1: it is none. In hooks: neither lock nor malloc.
int FindKnown(const char* invariant, const char* what);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_KNOWN_H_
