// id_unique: an id belongs to one memcg at a time, from when it is taken until
// it is given back.
//
// Legal on every lru. Judged is id.id, the memcg's own: kmemcg_id is shared
// after the rewrite on <= 6.12. The owner is exchanged where the table is
// changed, under its lock; on correct code that lock orders all exchanges of
// one id, and relaxed is enough.
#include "harness/flight_recorder.h"
#include "workloads/registry.h"
#include "workloads/zeroed.h"

namespace workloads::ids_oracle {
namespace {

using lru::fault_point;
using lru::fault_site;

// Serials; 0: the id is free.
Zeroed<std::atomic<uint32_t>, lru::MEM_CGROUP_ID_MAX + 1> owners;

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
  for (int id = 1; id <= lru::MEM_CGROUP_ID_MAX; id++) {
    uint32_t owner = owners[id].load(std::memory_order_relaxed);
    if (owner == 0) continue;
    harness::ReportInvariant(
        "no_leak", owner,
        "id %d was given to memcg %u and never given back, when everything had "
        "been destroyed",
        id, owner);
  }
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"id_unique", "29",
      "No two memcgs that have not given theirs back have the same id."}},
    {.start = Start,
     .check_totals = CheckTotals,
     .after_teardown = AfterTeardown}));

}  // namespace
}  // namespace workloads::ids_oracle
