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

// Those of lru/kernel/known_findings.json that a version has; 0 (unknown) has
// none. `code`: 6 << 16 | 12 << 8 | 117.
std::vector<KnownFinding> KnownFindingsOf(int code);

// In force from here on, for all runs; before any task starts.
void SetKnownFindings(std::vector<KnownFinding> known);
const std::vector<KnownFinding>& KnownFindings();

// Its index; -1: it is none. In hooks: neither lock nor malloc.
int FindKnown(const char* invariant, const char* what);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_KNOWN_H_
