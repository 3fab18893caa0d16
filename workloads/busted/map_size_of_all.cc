// bugs.md #43, 42c9db397048 "mm: vmscan: add a map_nr_max field to
// shrinker_info" (Qi Zheng, 2023): reclaim goes through a memcg's bitmap under
// RCU, and takes for its size that of the longest there is. It may have found
// the one that was replaced meanwhile.
//
//   shrinker                            registrar
//   rcu_read_lock()
//   info = the memcg's, 64 bits
//                                       the 65th shrinker: every memcg gets an
//                                         info of 128 bits
//                                       shrinker_nr_max = 128
//   bit 64 is below shrinker_nr_max
//   reads info->unit[1], behind its end
#include "lru/shrinker.h"
#include "workloads/busted/break_steps.h"

namespace workloads::map_size_of_all {
namespace {

int SizeOfAll(const lru::shrinker_info*) {
  return lru::shrinker_map_size_of_all();
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "map_size_of_all",
              .klass = "lru",
              .lrus = {},
              .doc = "reclaim takes the size of the longest bitmap for that of "
                     "the memcg's, which may be an old one: it reads behind "
                     "its end (#43, 42c9db397048)",
              .config = "busted/map_size_of_all.json",
              .expect = {{"asan", "memory_error", ""},
                         {"release", "crash", ""},
                         {"tsan", "crash", ""},
                         {"gcc", "crash", ""}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.shrinker_map_size = SizeOfAll;
     }>}));

}  // namespace
}  // namespace workloads::map_size_of_all
