// Compiled without sanitizers and builtins: SuppressionText() runs before the
// runtime is ready.
#include "harness/sanitizer/suppressions.h"

#include "harness/finding_raw.h"

namespace harness {
namespace {

// None so far. The array ends with an empty entry, which is not part of it.
constexpr Suppression kSuppressions[] = {
    {nullptr, nullptr, nullptr, nullptr, nullptr, nullptr},
};
constexpr unsigned kCount = sizeof(kSuppressions) / sizeof(Suppression) - 1;

}  // namespace

std::span<const Suppression> Suppressions() { return {kSuppressions, kCount}; }

const char* SuppressionText(const char* tool, char* buffer, unsigned size) {
  RawText text(buffer, size);
  for (const Suppression* s = kSuppressions; s->name; ++s) {
    if (RawEquals(s->tool, tool)) text.Str(s->pattern).Str("\n");
  }
  return buffer;
}

}  // namespace harness
