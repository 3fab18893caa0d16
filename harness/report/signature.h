// The signature of a finding: the same for every run that hits the same bug,
// whatever the seed, the config, the addresses and the compiler. Never made
// from `busted`: frames of workloads/busted/ are passed over.
//
//   invariant           invariant|NAME
//                       invariant|NAME|WHAT,OTHER     where there is more than
//                       one way to violate it: two stages, a type of memory
//   data_race           data_race|TYPE|FUNCTION        where one side is at
//   fault
//                       data_race|TYPE|FUNCTION,FUNCTION     both sides, sorted
//   memory_error        memory_error|TYPE|FREED_BY,ALLOCATED_BY
//                       memory_error|TYPE|FUNCTION    when nothing was freed
//   leak                leak|ALLOCATED_BY
//   undefined_behavior  undefined_behavior|TYPE|FUNCTION
//   lock_inversion      lock_inversion|TYPE|FUNCTION,FUNCTION        sorted
//   deadlock            deadlock|LOCK,LOCK          of the circle, sorted
//                       deadlock|grace period       in one's own read section
//   stall               stall|VERB or API       of a worker what it waits for
//   crash               crash|SIGNAL|FUNCTION
//   killed              killed
//
// Of an invariant's violation neither frames nor stages of the moment are
// named: which task noticed, and where the dying were by then, is chance. So is
// which of add, del or walk ran into freed memory: who frees it too early, and
// what it is, are not. In a data race the side at fault is the one that
// free()s, or the one that holds no lock at all; where both hold one, both are
// named.
//
// FUNCTION is the innermost function of lru/ or workloads/ that means something
// to a reader: sync/, list helpers, oracles/ and busted/ are passed over; the
// name comes without scope, arguments, template arguments and compiler's
// suffixes.
#ifndef LRUTORTURE_HARNESS_REPORT_SIGNATURE_H_
#define LRUTORTURE_HARNESS_REPORT_SIGNATURE_H_

#include <string>
#include <string_view>
#include <vector>

#include "harness/flight_recorder.h"
#include "harness/report/report.h"

namespace harness {

struct NamedStack {
  std::string title;
  std::vector<Frame> frames;  // innermost first, inlined ones included
};

struct SignatureInput {
  Kind kind = Kind::kInvariant;
  std::string invariant;
  std::string type;
  std::vector<NamedStack> stacks;  // of the sanitizer; else of who noticed
  std::vector<std::string> locks;  // deadlock
  std::string operation;           // stall: "add", "list_lru_add", ...
};

std::string MakeSignature(const SignatureInput& input);

// "void lru::list_lru_add<Steps>(lru::list_lru*)" -> "list_lru_add".
std::string BaseName(std::string_view function);

// As described above; "" when no frame qualifies.
std::string TopFunction(const std::vector<Frame>& frames);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_REPORT_SIGNATURE_H_
