// What this binary was made from. BuildPreset and BuildSanitizer: report.h.
#ifndef LRUTORTURE_HARNESS_REPORT_BUILD_INFO_H_
#define LRUTORTURE_HARNESS_REPORT_BUILD_INFO_H_

namespace harness {

const char* BuildVersion();   // "0.1.0"
const char* BuildCommit();    // "4f2a9c01d7be", "...-dirty" or "unknown"
const char* BuildCompiler();  // "clang 19.1.7 (...)"

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_REPORT_BUILD_INFO_H_
