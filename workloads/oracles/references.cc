// tryget_online_fails_after_confirm and no_resurrection: what a reference may
// still be taken of.
//
// Legal on every lru, and not judged: between the kill and its confirmation
// tryget_online may still succeed on another CPU; css_tryget() may succeed
// until the count is zero, long after offline; a memcg with a reference from
// before the kill goes offline with it. While a count is percpu it has no exact
// value and cannot be zero; until the switch is confirmed a bias keeps it up,
// and from then on it is never below zero.
//
// Why css_got_online may be judged after the fact: the read section in which
// tryget_online found the css alive is still open there. A kill that it did not
// see has its grace period wait for that section, so no confirmation can have
// come in it. One that was confirmed before the section began is seen by it.
#include "harness/flight_recorder.h"
#include "workloads/registry.h"
#include "workloads/zeroed.h"

namespace workloads::references_oracle {
namespace {

using lru::fault_point;
using lru::fault_site;

// By serial: the memcg whose kill is confirmed. A later one that shares the
// word takes it over, and the older is judged no more.
constexpr uint32_t kMemcgs = 1 << 14;
Zeroed<std::atomic<uint32_t>, kMemcgs> confirmed;

void OnConfirmed(fault_point, const fault_site& site) {
  confirmed[site.memcg.serial % kMemcgs].store(site.memcg.serial,
                                               std::memory_order_relaxed);
}

void OnGotOnline(fault_point, const fault_site& site) {
  uint32_t serial = site.memcg.serial;
  if (confirmed[serial % kMemcgs].load(std::memory_order_relaxed) != serial) {
    return;
  }
  harness::ReportInvariant(
      "tryget_online_fails_after_confirm", serial,
      "css_tryget_online() succeeded on memcg %u, whose kill had been "
      "confirmed: its user takes it for online while it is being torn down",
      serial);
}

// The value before, of the read-modify-write itself: a second look would see
// what others did meanwhile.
void OnGet(fault_point, const fault_site& site) {
  if (site.nr > 0) return;
  if (site.memcg.serial) {
    harness::ReportViolation(
        {.invariant = "no_resurrection",
         .memcg = site.memcg.serial,
         .what = "mem_cgroup"},
        "a reference of memcg %u was taken when its count was %ld: it has been "
        "released, and will be freed under its new user",
        site.memcg.serial, site.nr);
  } else {
    harness::ReportViolation(
        {.invariant = "no_resurrection", .what = "obj_cgroup"},
        "a reference of an obj_cgroup was taken when its count was %ld: it has "
        "been released, and will be freed under its new user",
        site.nr);
  }
}

// Of a put, what it has left.
void OnPut(fault_point, const fault_site& site) {
  if (site.nr >= 0) return;
  harness::ReportViolation(
      {.invariant = "no_resurrection",
       .memcg = site.memcg.serial,
       .what = "below zero"},
      "a reference of memcg %u was put that nobody had: its count is %ld, and "
      "it was released while somebody relied on it",
      site.memcg.serial, site.nr);
}

void Start(World&) {
  confirmed.Clear();
  harness::Observe(lru::FP_kill_confirmed, OnConfirmed);
  harness::Observe(lru::FP_css_got_online, OnGotOnline);
  harness::Observe(lru::FP_ref_get, OnGet);
  harness::Observe(lru::FP_ref_put, OnPut);
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"no_resurrection", "21",
      "A reference count that has reached zero stays there: nobody takes a "
      "reference of what has been released, or puts one that is not his."},
     {"tryget_online_fails_after_confirm", "21",
      "Once the kill of a css is confirmed, css_tryget_online() fails on every "
      "CPU."}},
    {.start = Start, .check_totals = nullptr, .after_teardown = nullptr}));

}  // namespace
}  // namespace workloads::references_oracle
