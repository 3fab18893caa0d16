#include "harness/sanitizer/sanitizer.h"

#include <cstdint>

#include "harness/finding_raw.h"
#include "harness/sanitizer/hooks.h"

#if defined(LRU_ASAN) || defined(LRU_TSAN)
extern "C" void __sanitizer_set_report_fd(void* fd);
#endif

namespace harness {

void InstallSanitizerHooks([[maybe_unused]] int log_fd) {
  SetRawRecorder(recorder());
#if defined(LRU_ASAN) || defined(LRU_TSAN)
  LinkSanitizerOptions();
  LinkSanitizerHooks();
  SetSanitizerLogFd(log_fd);
#endif
}

#if defined(LRU_ASAN) || defined(LRU_TSAN)
namespace {
constexpr int kStderr = 2;
int the_log_fd = kStderr;
}  // namespace

void SetSanitizerLogFd(int fd) {
  the_log_fd = fd < 0 ? kStderr : fd;
  __sanitizer_set_report_fd(
      reinterpret_cast<void*>(static_cast<intptr_t>(the_log_fd)));
}

int SanitizerLogFd() { return the_log_fd; }
#endif

#if !defined(LRU_ASAN)
void CheckLeaks() {}
#endif

}  // namespace harness
