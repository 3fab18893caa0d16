// css_tryget() where css_tryget_online() belongs: any reference will do, as
// long as one is left. The count of a killed memcg may stay above zero long
// after its offline, so its user takes an offline memcg for an online one.
//
//   shrinker                           teardown
//   memcg, by its own reference
//                                      kill, grace period, confirmed
//   css_tryget_online(memcg): true     offline: the lists are gone
//   reclaims from the lists of memcg
#include "workloads/busted/break_steps.h"

namespace workloads::tryget_of_the_dying {
namespace {

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "tryget_of_the_dying",
              .klass = "lru",
              .lrus = {},
              .doc = "css_tryget_online() succeeds as long as any reference is "
                     "left, however long the kill has been confirmed",
              .config = "busted/tryget_of_the_dying.json",
              .expect =
                  {{"release", "invariant",
                    "tryget_online_fails_after_confirm"},
                   {"asan", "invariant", "tryget_online_fails_after_confirm"},
                   {"tsan", "invariant", "tryget_online_fails_after_confirm"},
                   {"gcc", "invariant", "tryget_online_fails_after_confirm"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.css_tryget_online = lru::css_tryget;
     }>}));

}  // namespace
}  // namespace workloads::tryget_of_the_dying
