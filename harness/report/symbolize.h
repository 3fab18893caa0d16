// Code addresses to names, for the one thread that writes reports. Answers are
// cached. Unlike a sanitizer's hook this allocates and may start a process.
#ifndef LRUTORTURE_HARNESS_REPORT_SYMBOLIZE_H_
#define LRUTORTURE_HARNESS_REPORT_SYMBOLIZE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/report/report.h"

namespace harness {

// What stands at pc: the innermost inlined function first, never empty. pc is
// the address of the call or access itself, as the recorder has it. Sanitizer
// builds ask the runtime; others ask llvm-symbolizer, and where there is none
// the symbol table (no inlined functions, no lines).
std::vector<Frame> SymbolizeInlined(uint64_t pc);

// The same for many, with one process instead of many.
void PrefetchSymbols(const std::vector<uint64_t>& pcs);

// Of one line per function "NAME" and "FILE:LINE[:COLUMN]" after it, as
// symbolizers print.
std::vector<Frame> ParseSymbolizerOutput(std::string_view text);

// Relative to the source tree when in it, else as it is; "" for "??".
std::string RelativePath(std::string_view file);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_REPORT_SYMBOLIZE_H_
