// Every suppression of a sanitizer's report, with its reason. Each hides
// something, so each says what it hides, how we know, and when it can go.
#ifndef LRUTORTURE_HARNESS_SANITIZER_SUPPRESSIONS_H_
#define LRUTORTURE_HARNESS_SANITIZER_SUPPRESSIONS_H_

#include <span>

namespace harness {

struct Suppression {
  const char* name;         // for `list suppressions`
  const char* tool;         // "tsan", "asan" or "lsan"
  const char* pattern;      // as the tool reads it: "race:some_function"
  const char* cause;        // what the tool sees, and why it is no defect
  const char* proof;        // the test or measurement that shows this
  const char* remove_when;  // what has to change first
};

std::span<const Suppression> Suppressions();

// The lines of one tool, as its runtime wants them. Uninstrumented: called
// while the runtime starts, before any constructor. Static storage.
const char* SuppressionText(const char* tool, char* buffer, unsigned size);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_SANITIZER_SUPPRESSIONS_H_
