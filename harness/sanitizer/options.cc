// What the runtimes are told at start. TSAN_OPTIONS and the like still win.
// Compiled without sanitizers: the runtimes call this before they are ready.
//
//  halt_on_error=0        the finding stops the run, not the sanitizer
//  exitcode=66            known to the supervisor
//  suppress_equal_*=0     several seeds in one process: each gets its report
//  second_deadlock_stack  both ends of a lock inversion
//  atexit_sleep_ms=0      nobody is left to race when the process ends
//  leak_check_at_exit=0   only CheckLeaks() looks, when nothing is in flight
//
// Never ignore_noninstrumented_modules=1: it hid every seeded use after free
// in RCU callbacks (0 of 5).
#include "harness/sanitizer/hooks.h"
#include "harness/sanitizer/suppressions.h"

#ifdef LRUTORTURE_SYMBOLIZER
#define SYMBOLIZER_OPTION ":external_symbolizer_path=" LRUTORTURE_SYMBOLIZER
#else
#define SYMBOLIZER_OPTION ""
#endif

#define EXPORTED __attribute__((visibility("default"), used))

extern "C" {

#if defined(LRU_TSAN)
EXPORTED const char* __tsan_default_options() {
  return "halt_on_error=0:exitcode=66:suppress_equal_stacks=0"
         ":suppress_equal_addresses=0:detect_deadlocks=1"
         ":second_deadlock_stack=1:history_size=4"
         ":report_thread_leaks=0:atexit_sleep_ms=0" SYMBOLIZER_OPTION;
}

EXPORTED const char* __tsan_default_suppressions() {
  static char buffer[4096];
  return harness::SuppressionText("tsan", buffer, sizeof(buffer));
}
#endif

#if defined(LRU_ASAN)
EXPORTED const char* __asan_default_options() {
  return "halt_on_error=0:exitcode=66:suppress_equal_pcs=0"
         ":detect_stack_use_after_return=0:allocator_may_return_null=1"
         ":detect_leaks=1:leak_check_at_exit=0"
         ":malloc_context_size=20" SYMBOLIZER_OPTION;
}

EXPORTED const char* __ubsan_default_options() {
  return "halt_on_error=0:print_stacktrace=1" SYMBOLIZER_OPTION;
}

EXPORTED const char* __lsan_default_options() {
  return "report_objects=0:max_leaks=0";
}

EXPORTED const char* __asan_default_suppressions() {
  static char buffer[4096];
  return harness::SuppressionText("asan", buffer, sizeof(buffer));
}

EXPORTED const char* __lsan_default_suppressions() {
  static char buffer[4096];
  return harness::SuppressionText("lsan", buffer, sizeof(buffer));
}
#endif

}  // extern "C"

namespace harness {
void LinkSanitizerOptions() {}
}  // namespace harness
