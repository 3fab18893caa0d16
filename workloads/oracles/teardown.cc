// teardown_order: the stages of a memcg's destruction come once each, in the
// order its lru publishes, with the grace periods it requires; parents after
// children.
//
// A memcg whose css_online failed takes the short path: offline_kmem, id
// removed, unlinked, freed; it never was dying. The order of stages is known
// from the lru alone, so a stage may only be judged by whoever reports it.
#include <span>

#include "harness/flight_recorder.h"
#include "lru/memcg.h"
#include "lru/sync/rcu.h"
#include "workloads/registry.h"
#include "workloads/zeroed.h"

namespace workloads::teardown_oracle {
namespace {

using lru::fault_point;
using lru::fault_site;
using lru::stage_info;

// What the oracle remembers of one memcg, by serial. Stages of one memcg are
// ordered by lru/ itself; relaxed is enough.
struct State {
  std::atomic<uint32_t> serial;
  std::atomic<uint64_t> reached;
  std::atomic<uint64_t> killed;  // as the so manieth
  std::atomic<uint64_t> killed_before_unlink;
  std::atomic<uint64_t> gp_begun[lru::NR_FAULT_POINTS];
};
static_assert(lru::NR_FAULT_POINTS <= 64, "one bit per point");
constexpr uint32_t kStates = 1 << 13;
Zeroed<State, kStates> states;
std::span<const stage_info> stages;

// Kills in their order, and how many from the first on are offline (C5). All
// under cgroup_mutex; so many are never under way.
constexpr uint64_t kKills = 1 << 13;
Zeroed<std::atomic<uint64_t>, kKills> offline;  // the kill's number
std::atomic<uint64_t> nr_killed, all_offline;

void NoteKill(State& state) {
  uint64_t kill = nr_killed.load(std::memory_order_relaxed) + 1;
  nr_killed.store(kill, std::memory_order_relaxed);
  state.killed.store(kill, std::memory_order_relaxed);
}

// Its memcg is judged no more.
void BelieveOffline(const State& state) {
  constexpr uint64_t kOffline = uint64_t{1} << lru::FP_offline_end;
  uint64_t kill = state.killed.load(std::memory_order_relaxed);
  if (!kill || (state.reached.load(std::memory_order_relaxed) & kOffline)) {
    return;
  }
  offline[kill % kKills].store(kill, std::memory_order_relaxed);
}

void NoteOffline(const State& state) {
  uint64_t kill = state.killed.load(std::memory_order_relaxed);
  if (!kill) return;  // not seen
  offline[kill % kKills].store(kill, std::memory_order_relaxed);
  uint64_t all = all_offline.load(std::memory_order_relaxed);
  while (offline[(all + 1) % kKills].load(std::memory_order_relaxed) ==
         all + 1) {
    all++;
  }
  all_offline.store(all, std::memory_order_relaxed);
}

constexpr uint64_t Bit(fault_point fp) { return uint64_t{1} << fp; }

const char* Name(fault_point fp) { return lru::fault_point_at(fp).name; }

// Null: a younger memcg has the place, while this one was held on to for very
// long; it is judged no more.
State* StateOf(uint32_t serial) {
  State& state = states[serial % kStates];
  uint32_t there = state.serial.load(std::memory_order_relaxed);
  if (there > serial) return nullptr;
  if (there < serial) {
    BelieveOffline(state);
    state.reached.store(0, std::memory_order_relaxed);
    state.killed.store(0, std::memory_order_relaxed);
    state.serial.store(serial, std::memory_order_relaxed);
  }
  return &state;
}

bool Reached(uint32_t serial, fault_point fp) {
  const State& state = states[serial % kStates];
  return state.serial.load(std::memory_order_relaxed) == serial &&
         (state.reached.load(std::memory_order_relaxed) & Bit(fp));
}

int IndexOf(fault_point fp) {
  for (size_t i = 0; i < stages.size(); i++) {
    if (stages[i].fp == fp) return static_cast<int>(i);
  }
  return -1;
}

// The stage of the memcg itself that comes right before (-1) or after (+1).
fault_point Neighbour(int index, int step) {
  for (int i = index + step; i >= 0 && i < static_cast<int>(stages.size());
       i += step) {
    if (!stages[i].per_list) return stages[i].fp;
  }
  return lru::NR_FAULT_POINTS;
}

void ReportOrder(const fault_site& site, fault_point fp, const char* what,
                 fault_point other) {
  harness::ReportViolation({.invariant = "teardown_order",
                            .memcg = site.memcg.serial,
                            .what = Name(fp),
                            .other = Name(other)},
                           "memcg %u reached %s %s %s", site.memcg.serial,
                           Name(fp), what, Name(other));
}

// The short path after a failed css_online: no stage before objcg_unpublished.
bool IsShortPath(uint64_t reached) {
  return !(reached & Bit(lru::FP_css_dying_set));
}

void CheckShortPath(const fault_site& site, fault_point fp, uint64_t reached) {
  bool late = fp == lru::FP_sibling_unlinked || fp == lru::FP_css_free ||
              fp == lru::FP_parent_ref_put;
  bool inside =
      fp >= lru::FP_objcg_unpublished && fp <= lru::FP_mlru_free_queued;
  if (late && (reached & Bit(lru::FP_css_online_failed))) {
    bool linked = !(reached & Bit(lru::FP_sibling_unlinked));
    if (fp != lru::FP_css_free || !linked) return;
    return ReportOrder(site, fp, "before", lru::FP_sibling_unlinked);
  }
  if (inside) return;
  ReportOrder(site, fp, "without having passed", lru::FP_css_dying_set);
}

void CheckGracePeriod(const fault_site& site, const State& state, int index) {
  const stage_info& stage = stages[index];
  if (!stage.after_gp) return;
  if (stage.since == lru::FP_id_put && TheWorld().IdsGoAtOffline()) return;
  uint64_t begun = state.gp_begun[stage.since].load(std::memory_order_relaxed);
  if (lru::rcu_gp_completed() > begun) return;
  ReportOrder(site, stage.fp, "without a grace period since", stage.since);
}

void CheckOrder(const fault_site& site, const State& state, int index) {
  uint64_t reached = state.reached.load(std::memory_order_relaxed);
  fault_point fp = stages[index].fp;
  fault_point before = Neighbour(index, -1);
  if (before != lru::NR_FAULT_POINTS && !(reached & Bit(before))) {
    ReportOrder(site, fp, "before", before);
  }
  if (!stages[index].per_list && (reached & Bit(fp))) {
    ReportOrder(site, fp, "a second time: last after", fp);
  }
  fault_point after = Neighbour(index, 1);
  if (after != lru::NR_FAULT_POINTS && (reached & Bit(after))) {
    ReportOrder(site, fp, "after", after);
  }
}

// (C3): a parent is offlined after its children, and freed after them.
void CheckParent(const fault_site& site, fault_point fp) {
  uint32_t parent = site.parent.serial;
  if (fp != lru::FP_offline_begin && fp != lru::FP_css_free) return;
  if (!parent || !Reached(parent, fp)) return;
  harness::ReportViolation({.invariant = "teardown_order",
                            .memcg = site.memcg.serial,
                            .what = Name(fp),
                            .other = "parent"},
                           "memcg %u reached %s after its parent %u had",
                           site.memcg.serial, Name(fp), parent);
}

// Whether a child is online, and (`spare_dying`) has not been killed either.
bool HasOnlineChild(const lru::css& parent, bool spare_dying) {
  const lru::css* c = parent.children.load(std::memory_order_relaxed);
  for (; c; c = c->sibling.load(std::memory_order_relaxed)) {
    uint32_t flags = c->flags.load(std::memory_order_relaxed);
    if (!(flags & lru::CSS_ONLINE)) continue;
    if (!spare_dying || !(flags & lru::CSS_DYING)) return true;
  }
  return false;
}

bool IsChildOf(const lru::css* parent, const lru::css& child) {
  if (!parent) return false;
  const lru::css* c = parent->children.load(std::memory_order_relaxed);
  while (c && c != &child) c = c->sibling.load(std::memory_order_relaxed);
  return c;
}

// What is wrong with the state that fp stands for; null: nothing. cgroup_mutex
// is held at each of these, so nobody else changes it.
const char* WrongAt(fault_point fp, const lru::mem_cgroup& memcg) {
  uint32_t flags = memcg.css.flags.load(std::memory_order_relaxed);
  switch (fp) {
    case lru::FP_css_dying_set:
      if (!(flags & lru::CSS_DYING)) return "is not marked dying";
      return HasOnlineChild(memcg.css, /*spare_dying=*/true)
                 ? "a child of it lives on"
                 : nullptr;
    case lru::FP_offline_begin:
      return HasOnlineChild(memcg.css, /*spare_dying=*/false)
                 ? "a child of it is not offline yet"
                 : nullptr;
    case lru::FP_objcg_unpublished:
      return memcg.objcg.load(std::memory_order_relaxed)
                 ? "new objects are still charged to it"
                 : nullptr;
    case lru::FP_offline_end:
      return flags & lru::CSS_ONLINE ? "is still marked online" : nullptr;
    case lru::FP_sibling_unlinked:
      return IsChildOf(memcg.css.parent, memcg.css)
                 ? "is still among its parent's children"
                 : nullptr;
    default:
      return nullptr;
  }
}

// A stage says what has been done; whether it has is to be seen.
void CheckState(const fault_site& site, fault_point fp) {
  const auto* memcg = static_cast<const lru::mem_cgroup*>(site.memcg.ptr);
  const char* wrong = memcg ? WrongAt(fp, *memcg) : nullptr;
  if (!wrong) return;
  harness::ReportViolation({.invariant = "teardown_order",
                            .memcg = site.memcg.serial,
                            .what = Name(fp),
                            .other = "state"},
                           "memcg %u has reached %s, but %s", site.memcg.serial,
                           Name(fp), wrong);
}

// Offline has a reference until base_ref_put, the id until it is removed.
// Others may have more; the count is exact, for the kill was confirmed before
// offline.
void CheckReferences(const fault_site& site, fault_point fp, uint64_t reached) {
  constexpr uint64_t kBothPut =
      Bit(lru::FP_base_ref_put) | Bit(lru::FP_id_removed);
  const auto* memcg = static_cast<const lru::mem_cgroup*>(site.memcg.ptr);
  if (!memcg) return;
  bool missing = fp == lru::FP_css_ref_zero && (reached & kBothPut) != kBothPut;
  if (fp == lru::FP_id_put) {
    missing = memcg->css.refcnt.count.load(std::memory_order_relaxed) < 2;
  }
  if (!missing) return;
  harness::ReportViolation({.invariant = "teardown_order",
                            .memcg = site.memcg.serial,
                            .what = "references"},
                           "memcg %u has reached %s, but has fewer references "
                           "than offline's own and its id's",
                           site.memcg.serial, Name(fp));
}

// (C5) Before the root of a hierarchy is freed, all that were killed before its
// unlinking are offline.
void CheckDrained(const fault_site& site, State& state, fault_point fp) {
  switch (fp) {
    case lru::FP_css_dying_set:
      return NoteKill(state);
    case lru::FP_offline_end:
      return NoteOffline(state);
    case lru::FP_sibling_unlinked:
      return state.killed_before_unlink.store(
          nr_killed.load(std::memory_order_relaxed), std::memory_order_relaxed);
    case lru::FP_css_free:
      break;
    default:
      return;
  }
  const auto* memcg = static_cast<const lru::mem_cgroup*>(site.memcg.ptr);
  if (!memcg || !(memcg->css.flags.load(std::memory_order_relaxed) &
                  lru::CSS_HIERARCHY)) {
    return;
  }
  uint64_t before = state.killed_before_unlink.load(std::memory_order_relaxed);
  uint64_t all = all_offline.load(std::memory_order_relaxed);
  if (all >= before) return;
  harness::ReportViolation(
      {.invariant = "teardown_order",
       .memcg = site.memcg.serial,
       .what = "css_free",
       .other = "drain"},
      "memcg %u, the root of a hierarchy, is freed although of the %llu kills "
      "before its unlinking only the first %llu have come to offline_end",
      site.memcg.serial, static_cast<unsigned long long>(before),
      static_cast<unsigned long long>(all));
}

void OnStage(fault_point fp, const fault_site& site) {
  if (!site.memcg.serial) return;
  State* place = StateOf(site.memcg.serial);
  if (!place) return;
  State& state = *place;
  uint64_t reached = state.reached.load(std::memory_order_relaxed);
  int index = IndexOf(fp);
  if (fp != lru::FP_css_dying_set && IsShortPath(reached)) {
    CheckShortPath(site, fp, reached);
  } else {
    CheckReferences(site, fp, reached);
    CheckOrder(site, state, index);
    CheckGracePeriod(site, state, index);
    CheckParent(site, fp);
  }
  CheckState(site, fp);
  CheckDrained(site, state, fp);
  state.gp_begun[fp].store(lru::rcu_gp_begun(), std::memory_order_relaxed);
  state.reached.fetch_or(Bit(fp), std::memory_order_relaxed);
}

// No stage: it comes when it comes.
void OnOther(fault_point fp, const fault_site& site) {
  State* state = StateOf(site.memcg.serial);
  if (state) state->reached.fetch_or(Bit(fp), std::memory_order_relaxed);
}

void Start(World& world) {
  states.Clear();
  offline.Clear();
  nr_killed.store(0, std::memory_order_relaxed);
  all_offline.store(0, std::memory_order_relaxed);
  stages = FindLru(world.config().lru)->stages;
  for (const stage_info& stage : stages) {
    harness::Observe(stage.fp, OnStage);
  }
  harness::Observe(lru::FP_id_removed, OnOther);
  harness::Observe(lru::FP_css_online_failed, OnOther);
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"teardown_order", "19, 20, 22",
      "The stages of a memcg's destruction come once each and in order, with "
      "a grace period where one is required, and parents after children."}},
    {.start = Start, .check_totals = nullptr, .after_teardown = nullptr}));

}  // namespace
}  // namespace workloads::teardown_oracle
