// id_unique: an id belongs to one memcg at a time, from when it is taken until
// it is given back.
//
// Legal on every lru. Judged is id.id, the memcg's own: kmemcg_id is shared
// after the rewrite on <= 6.12. The owner is exchanged where the table is
// changed, under its lock; on correct code that lock orders all exchanges of
// one id, and relaxed is enough.
// With its last reference it finds its memcg no more. It is given back a grace
// period later: who has looked a memcg up under RCU finds lists by its id (M3,
// d7). And whoever gets it finds no lists of another there.
#include "harness/flight_recorder.h"
#include "workloads/oracles/peek.h"
#include "workloads/registry.h"
#include "workloads/zeroed.h"

namespace workloads::ids_oracle {
namespace {

using lru::fault_point;
using lru::fault_site;

// Serials; 0: the id is free.
Zeroed<std::atomic<uint32_t>, lru::MEM_CGROUP_ID_MAX + 1> owners;

// When the last reference of an id went: by serial, the youngest of those that
// share a place.
struct Put {
  std::atomic<uint32_t> serial;
  std::atomic<uint64_t> gp_begun;
};
constexpr uint32_t kMemcgs = 1 << 13;
Zeroed<Put, kMemcgs> puts;

// Whoever gets the id next is to be found by it, and nobody else.
void CheckNotFound(const fault_site& site, const char* does) {
  const void* found = lru::peek_memcg_of_id(static_cast<int>(site.nr));
  if (!found || found != site.memcg.ptr) return;
  harness::ReportViolation(
      {.invariant = "id_unique",
       .memcg = site.memcg.serial,
       .what = "still found"},
      "memcg %u %s id %ld, by which it is still found: so it will be when the "
      "id is another's, or that one will not",
      site.memcg.serial, does, site.nr);
}

void OnPut(fault_point, const fault_site& site) {
  CheckNotFound(site, "puts the last reference of");
  Put& put = puts[site.memcg.serial % kMemcgs];
  if (put.serial.load(std::memory_order_relaxed) > site.memcg.serial) return;
  put.serial.store(0, std::memory_order_relaxed);
  put.gp_begun.store(lru::rcu_gp_begun(), std::memory_order_relaxed);
  put.serial.store(site.memcg.serial, std::memory_order_relaxed);
}

// Without an entry it was never online, or its place is another's.
void CheckGracePeriod(const fault_site& site) {
  if (TheWorld().IdsGoAtOffline()) return;
  const Put& put = puts[site.memcg.serial % kMemcgs];
  if (put.serial.load(std::memory_order_relaxed) != site.memcg.serial ||
      lru::rcu_gp_completed() > put.gp_begun.load(std::memory_order_relaxed)) {
    return;
  }
  harness::ReportViolation(
      {.invariant = "id_unique",
       .memcg = site.memcg.serial,
       .what = "grace period"},
      "memcg %u gave back id %ld without a grace period since its last "
      "reference was put: who has looked the memcg up finds the lists of the "
      "next that gets the id",
      site.memcg.serial, site.nr);
}

// The lists of the one that had the id are out of every xarray (29). Of lrus
// that come and go nobody here knows whether they are still there.
void CheckNoLists(const fault_site& site) {
  for (uint32_t i = 0; i < TheWorld().nr_lrus(); i++) {
    const lru::list_lru* lru = TheWorld().lru(i);
    const lru::list_lru_one* list =
        PeekListAt(lru, static_cast<int>(site.nr), 0);
    if (!list) continue;
    harness::ReportViolation(
        {.invariant = "id_unique",
         .memcg = site.memcg.serial,
         .what = "lists left"},
        "memcg %u was given id %ld, by which lru %u still finds list %u, of "
        "another one",
        site.memcg.serial, site.nr, lru->serial, list->serial);
    return;
  }
}

std::atomic<uint32_t>* OwnerOf(const fault_site& site) {
  if (site.nr > 0 && site.nr <= lru::MEM_CGROUP_ID_MAX) return &owners[site.nr];
  harness::ReportInvariant("id_unique", site.memcg.serial,
                           "memcg %u has id %ld, which is none",
                           site.memcg.serial, site.nr);
  return nullptr;
}

void OnTaken(fault_point, const fault_site& site) {
  std::atomic<uint32_t>* owner = OwnerOf(site);
  if (!owner) return;
  CheckNoLists(site);
  uint32_t before =
      owner->exchange(site.memcg.serial, std::memory_order_relaxed);
  if (before == 0) return;
  harness::ReportInvariant(
      "id_unique", site.memcg.serial,
      "memcg %u was given id %ld, which memcg %u still has: each finds the "
      "other's lists",
      site.memcg.serial, site.nr, before);
}

void OnRemoved(fault_point, const fault_site& site) {
  std::atomic<uint32_t>* owner = OwnerOf(site);
  if (!owner) return;
  CheckGracePeriod(site);
  CheckNotFound(site, "gives back");
  uint32_t before = owner->exchange(0, std::memory_order_relaxed);
  if (before == site.memcg.serial) return;
  if (before == 0) {
    harness::ReportInvariant("id_unique", site.memcg.serial,
                             "memcg %u gave back id %ld, which nobody had",
                             site.memcg.serial, site.nr);
  } else {
    harness::ReportInvariant(
        "id_unique", site.memcg.serial,
        "memcg %u gave back id %ld, which is memcg %u's: the next memcg will "
        "share it",
        site.memcg.serial, site.nr, before);
  }
}

void Start(World& world) {
  owners.Clear();
  puts.Clear();
  // Those who have one already.
  auto note = [](const lru::mem_cgroup* memcg) {
    if (!memcg) return;
    owners[memcg->id.id].store(lru::serial_of(memcg),
                               std::memory_order_relaxed);
  };
  note(lru::root_mem_cgroup);
  for (uint32_t i = 0; i < world.nr_memcgs(); i++) {
    note(world.memcg(i).load(std::memory_order_relaxed));
  }
  harness::Observe(lru::FP_id_taken, OnTaken);
  harness::Observe(lru::FP_id_put, OnPut);
  harness::Observe(lru::FP_id_removed, OnRemoved);
}

// By its id each memcg finds itself.
void CheckTotals(World& world) {
  lru::rcu_guard guard;
  for (uint32_t i = 0; i < world.nr_memcgs(); i++) {
    const lru::mem_cgroup* memcg =
        world.memcg(i).load(std::memory_order_relaxed);
    if (!memcg) continue;
    const lru::mem_cgroup* found = lru::mem_cgroup_from_id(memcg->id.id);
    if (found == memcg) continue;
    harness::ReportInvariant("id_unique", lru::serial_of(memcg),
                             "at rest id %d of memcg %u finds %s", memcg->id.id,
                             lru::serial_of(memcg),
                             found ? "another one" : "none");
  }
}

// Also of those whose css_online failed.
void AfterTeardown() {
  for (size_t id = 1; id < owners.used(); id++) {
    uint32_t owner = owners[id].load(std::memory_order_relaxed);
    if (owner == 0) continue;
    harness::ReportInvariant("no_leak", owner,
                             "id %zu was given to memcg %u and never given "
                             "back, when everything had "
                             "been destroyed",
                             id, owner);
  }
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"id_unique", "29",
      "No two memcgs that have not given theirs back have the same id; it is "
      "given back a grace period after its last reference is put, from when on "
      "it finds nothing."}},
    {.start = Start,
     .check_totals = CheckTotals,
     .after_teardown = AfterTeardown}));

}  // namespace
}  // namespace workloads::ids_oracle
