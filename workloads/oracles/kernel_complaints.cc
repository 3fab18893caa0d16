// kernel_warning, kernel_bug and kernel_overrun: what a kernel's own code says
// of itself, and what it does to memory that is not its own. Of plug-ins alone;
// the built-in lrus state their invariants as oracles.
//
// A WARN_ON() of the kernel's holds on every correct run, whatever the plan, so
// the first one is a finding; what it says and the function it is in are its
// signature. A BUG_ON() ends the process: the finding is out before. Behind
// each piece of memory that the kernel's code allocates, of exactly the size
// that it asked for, lies a redzone as of SLUB; it is looked at when the memory
// is freed. Under ASan it is poisoned instead, and a memory_error names who
// comes there.
#include "harness/flight_recorder.h"
#include "lru/kernel/plugin.h"
#include "workloads/registry.h"

namespace workloads::kernel_complaints_oracle {
namespace {

using harness::kRelaxed;

void OnComplaint(lru::kernel_complaint complaint, const char* what,
                 const char* fn) {
  const char* who = lru::current_task()->name;
  switch (complaint) {
    case lru::KERNEL_WARNS:
      return harness::ReportViolation(
          {.invariant = "kernel_warning", .what = what, .other = fn},
          "the kernel's code warns in %s(), called by %s: %s", fn, who, what);
    case lru::KERNEL_STOPS:
      return harness::ReportViolation(
          {.invariant = "kernel_bug", .what = what, .other = fn},
          "the kernel's code stops in %s(), called by %s: %s", fn, who, what);
    case lru::KERNEL_OVERRUNS:
      return harness::ReportViolation(
          {.invariant = "kernel_overrun", .what = what},
          "the kernel's code has written behind the end of a piece of memory "
          "(%s) that %s now frees",
          what, who);
  }
}

void BeforeWorld() {
  lru::lru_kernel_complaint_hook.store(OnComplaint, kRelaxed);
}
void AfterTeardown() {
  lru::lru_kernel_complaint_hook.store(nullptr, kRelaxed);
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"kernel_bug", "",
      "A kernel's own code never comes to a BUG_ON() that is true, or a "
      "BUG()."},
     {"kernel_overrun", "",
      "A kernel's own code writes nothing behind the memory that it has "
      "allocated."},
     {"kernel_warning", "",
      "A kernel's own code never comes to a WARN_ON() that is true."}},
    {.start = nullptr,
     .check_totals = nullptr,
     .after_teardown = AfterTeardown,
     .before_world = BeforeWorld}));

}  // namespace
}  // namespace workloads::kernel_complaints_oracle
