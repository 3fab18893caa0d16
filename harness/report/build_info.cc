#include "harness/report/build_info.h"

#include "harness/report/report.h"

#if __has_include("lrutorture_commit.h")
#include "lrutorture_commit.h"  // written at build time: build_info.cmake
#endif
#ifndef LRUTORTURE_COMMIT
#define LRUTORTURE_COMMIT "unknown"
#endif
#ifndef LRUTORTURE_VERSION
#define LRUTORTURE_VERSION "unknown"
#endif

namespace harness {

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

const char* BuildVersion() { return LRUTORTURE_VERSION; }
const char* BuildCommit() { return LRUTORTURE_COMMIT; }
const char* BuildCompiler() { return COMPILER; }

const char* BuildPreset() {
#if defined(LRU_TSAN)
  return "tsan";
#elif defined(LRU_ASAN)
  return "asan";
#elif defined(__clang__)
  return "release";
#else
  return "gcc";
#endif
}

const char* BuildSanitizer() {
#if defined(LRU_TSAN)
  return "tsan";
#elif defined(LRU_ASAN)
  return "asan";
#else
  return "none";
#endif
}

}  // namespace harness
