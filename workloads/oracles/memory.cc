// rcu_before_free: what readers find under RCU is freed only after everyone has
// left who may have found it.
//
// When lookups no longer find a piece of memory, the read sections in progress
// are written down by their serials; when it is freed, none of them may still
// be in progress. That needs no grace period to be counted, and no reader to
// touch what is freed: it is wrong already that one could have.
//
// Legal on every lru. Serials are shown after the real rcu_read_lock() and
// taken back before the real unlock (lru/sync/task.h), so a section that is
// seen twice was open all the time in between, and a grace period begun after
// the first sight cannot have ended. A held spinlock is a read section, and is
// shown as one. Watched from
//   mem_cgroup      sibling_unlinked: the tree was the last way to it
//   list_lru_memcg  xa_erased
//   obj_cgroup      objcg_released: its count is zero, so tryget fails
//   shrinker_info   shrinker_info_replaced
//   shrinker        shrinker_unpublished: its id was the only way under RCU
// A position that reclaim remembers (memcg.h, M4) is such a way, too; it is
// closed at release, so that none is left a grace period later, at css_free.
// And who reads a count, finds a memcg, a list or a shrinker, or takes or puts
// a reference of a css that is going, must be in a read section at all, and
// come to the list in the one in which he found the memcg; and whoever looks a
// list up by an id, dereferences any RCU pointer, or tries to get a reference,
// must be in one: the memory is there nearly always, so that nothing else would
// notice.
// Memory that was never published, or whose lru is destroyed with no users
// left, is freed at once, and rightly. Objects are not watched: slab_reuse
// says how they go, and an own object has no readers. A few hundred pieces are
// under watch at a time; one that finds no place in the table is left out.
#include <algorithm>
#include <utility>

#include "harness/flight_recorder.h"
#include "lru/sync/alloc.h"
#include "lru/sync/tsan.h"
#include "workloads/oracles/per_task.h"
#include "workloads/registry.h"
#include "workloads/zeroed.h"

namespace workloads::memory_oracle {
namespace {

using lru::fault_point;
using lru::fault_site;

using harness::kRelaxed;

// One piece of memory. Written by whoever took the address's place in the
// table, until whoever frees that address gives the place back.
struct Watched {
  static constexpr uint32_t kSections = 30;
  std::atomic<uint32_t> serial;  // of the memcg or objcg; a shrinker's id
  std::atomic<uint32_t> nr_sections;
  struct {
    std::atomic<uint64_t> serial;
    std::atomic<uint32_t> task;  // index in the recorder
  } sections[kSections];
};
constexpr uint32_t kWatched = 1 << 12;
constexpr uint32_t kProbes = 4;
constexpr uint32_t kNoPlace = kWatched;
// Which memory has which place; null: the place is free. Identity alone, never
// dereferenced. Apart from what is known of it, so that little is to be zeroed.
Zeroed<std::atomic<const void*>, kWatched> addresses;
Zeroed<Watched, kWatched> watched;

uint32_t PlaceOf(const void* memory, uint32_t probe) {
  uint64_t hash = reinterpret_cast<uintptr_t>(memory) * 0x9e3779b97f4a7c15u;
  return static_cast<uint32_t>((hash >> 40) + probe) % kWatched;
}

uint32_t Find(const void* memory) {
  for (uint32_t probe = 0; probe < kProbes; probe++) {
    uint32_t place = PlaceOf(memory, probe);
    if (addresses[place].load(kRelaxed) == memory) return place;
  }
  return kNoPlace;
}

uint32_t FindOrTake(const void* memory) {
  uint32_t there = Find(memory);
  if (there != kNoPlace) return there;
  for (uint32_t probe = 0; probe < kProbes; probe++) {
    const void* expected = nullptr;
    uint32_t place = PlaceOf(memory, probe);
    if (addresses[place].compare_exchange_strong(expected, memory, kRelaxed)) {
      return place;
    }
  }
  return kNoPlace;
}

// A task that has just been made was written by whoever made it, and nothing
// has told this task so: TSan need not look. Not through std::atomic, whose
// functions are instrumented.
LRU_UNINSTRUMENTED uint64_t SectionOf(uint32_t task) {
  const std::atomic<uint64_t>& section =
      harness::recorder()->tasks[task].task.rcu_section;
  static_assert(sizeof(section) == sizeof(uint64_t));
  return __atomic_load_n(reinterpret_cast<const uint64_t*>(&section),
                         __ATOMIC_RELAXED);
}

void Watch(const void* memory, uint32_t serial) {
  if (!memory) return;
  uint32_t index = FindOrTake(memory);
  if (index == kNoPlace) return;
  Watched* place = &watched[index];
  uint32_t nr_tasks = harness::TaskCount(*harness::recorder());
  uint32_t nr = 0;
  for (uint32_t i = 0; i < nr_tasks && nr < Watched::kSections; i++) {
    uint64_t section = SectionOf(i);
    if (!section) continue;
    place->sections[nr].serial.store(section, kRelaxed);
    place->sections[nr].task.store(i, kRelaxed);
    nr++;
  }
  place->serial.store(serial, kRelaxed);
  place->nr_sections.store(nr, kRelaxed);
}

void OnMemcgUnlinked(fault_point, const fault_site& site) {
  Watch(site.memcg.ptr, site.memcg.serial);
}
void OnMemoryOfMemcg(fault_point, const fault_site& site) {
  Watch(site.memory, site.memcg.serial);
}
// That no memcg owns: by a number of its own.
void OnNumbered(fault_point, const fault_site& site) {
  Watch(site.memory, static_cast<uint32_t>(site.nr));
}

// Of what has no type of its own, only shrinkers are watched.
const char* NameOf(lru::alloc_type type) {
  return type == lru::ALLOC_OTHER ? "shrinker" : lru::alloc_type_name(type);
}
bool IsNumbered(lru::alloc_type type) {
  return type == lru::ALLOC_OBJCG || type == lru::ALLOC_OTHER;
}

// "list_lru_memcg of memcg 7"
const char* Whose(lru::alloc_type type) {
  switch (type) {
    case lru::ALLOC_MEMCG:
    case lru::ALLOC_OBJCG:
    case lru::ALLOC_OTHER:
      return "";
    default:
      return "of memcg ";
  }
}

// Names were written before the tasks started, but nothing has told this task
// so: TSan need not look.
LRU_UNINSTRUMENTED void CopyName(uint32_t task, char* name) {
  const char* from = harness::recorder()->tasks[task].task.name;
  for (int i = 0; i < lru::kTaskNameMax; i++) name[i] = from[i];
}

void Report(lru::alloc_type type, uint32_t serial, uint32_t task) {
  char name[lru::kTaskNameMax];
  CopyName(task, name);
  harness::ReportViolation(
      {.invariant = "rcu_before_free",
       .memcg = IsNumbered(type) ? 0 : serial,
       .what = NameOf(type)},
      "%s %s%u was freed while %s was still in a read section that had begun "
      "before lookups stopped finding it",
      NameOf(type), Whose(type), serial, name);
}

void OnFreed(fault_point, const fault_site& site) {
  uint32_t index = Find(site.memory);
  if (index == kNoPlace) return;
  const Watched* place = &watched[index];
  uint32_t nr = place->nr_sections.load(kRelaxed);
  for (uint32_t i = 0; i < nr; i++) {
    uint32_t task = place->sections[i].task.load(kRelaxed);
    if (SectionOf(task) != place->sections[i].serial.load(kRelaxed)) continue;
    Report(static_cast<lru::alloc_type>(site.nr), place->serial.load(kRelaxed),
           task);
    break;
  }
  // Read before it is another's: the processor keeps loads before stores.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  addresses[index].store(nullptr, kRelaxed);
}

// The memcg's own go with it. Nobody sets one any more, so what is seen stays.
void OnMemcgGoes(fault_point, const fault_site& site) {
  const auto* dead = static_cast<const lru::mem_cgroup*>(site.memcg.ptr);
  if (!dead) return;
  for (const lru::mem_cgroup* from = lru::parent_mem_cgroup(dead); from;
       from = lru::parent_mem_cgroup(from)) {
    for (int nid = 0; nid < lru::nr_node_ids; nid++) {
      if (from->iter[nid].position.load(kRelaxed) != dead) continue;
      harness::ReportInvariant(
          "rcu_before_free", site.memcg.serial,
          "memcg %u is freed, but the reclaim iterator of memcg %u (nid %d) "
          "still names it: whoever goes on from there uses freed memory",
          site.memcg.serial, lru::serial_of(from), nid);
      return;
    }
  }
}

harness::Violation NoSection(fault_point fp, const fault_site& site) {
  return {.invariant = "rcu_before_free",
          .memcg = site.memcg.serial,
          .what = "no read section",
          .other = lru::fault_point_at(fp).name};
}

[[gnu::noinline]] void ReportReader(fault_point fp, const fault_site& site) {
  const char* api = lru::current_task()->api.load(kRelaxed);
  harness::ReportViolation(
      NoSection(fp, site),
      "%s came to %s (lru %u, nid %d) in no read section: what it has found "
      "may be freed under it",
      api ? api : "a task", lru::fault_point_at(fp).name, site.lru.serial,
      site.nid);
}

void OnReader(fault_point fp, const fault_site& site) {
  if (!lru::rcu_read_lock_held()) ReportReader(fp, site);
}

// What was looked up under RCU alone is good for as long as that section: who
// comes to the list in another one may come with a memcg that is gone.
struct LookedUp {
  uint64_t section;  // 0: nothing was
  uint32_t item;     // serial
};
PerTask<LookedUp> looked_up;

uint64_t MySection() { return lru::current_task()->rcu_section.load(kRelaxed); }

void OnLookedUp(fault_point fp, const fault_site& site) {
  looked_up.Mine() = {MySection(), site.item.serial};
  if (!MySection()) ReportReader(fp, site);
}

[[gnu::noinline]] void ReportOtherSection(fault_point fp,
                                          const fault_site& site) {
  const char* api = lru::current_task()->api.load(kRelaxed);
  harness::ReportViolation(
      NoSection(fp, site),
      "%s of object %u (lru %u, nid %d) uses the memcg that was looked up in a "
      "read section which has ended since: it may be freed",
      api ? api : "a change", site.item.serial, site.lru.serial, site.nid);
}

// Every change comes here, also one that changes nothing.
void OnListLocked(fault_point fp, const fault_site& site) {
  LookedUp& mine = looked_up.Mine();
  uint64_t before = std::exchange(mine.section, 0);
  uint64_t section = MySection();
  if (!section) return ReportReader(fp, site);
  if (!before || before == section || mine.item != site.item.serial) return;
  ReportOtherSection(fp, site);
}

// A kernel's up to 6.7 looks the memcg up under the list's lock.
void OnChanged(fault_point, const fault_site&) { looked_up.Mine() = {}; }

void OnNoSection(const char* function) {
  const lru::task* task = lru::current_task();
  const char* api = task->api.load(kRelaxed);
  harness::ReportViolation({.invariant = "rcu_before_free",
                            .what = "no read section",
                            .other = function},
                           "%s uses an RCU pointer in %s()%s%s, "
                           "outside of any read section: "
                           "what it finds may be freed under it",
                           task->name, function, api ? ", called by " : "",
                           api ? api : "");
}

void Start(World& world) {
  addresses.Clear();
  looked_up.Clear();
  harness::Observe(lru::FP_sibling_unlinked, OnMemcgUnlinked);
  harness::Observe(lru::FP_xa_erased, OnMemoryOfMemcg);
  harness::Observe(lru::FP_shrinker_info_replaced, OnMemoryOfMemcg);
  harness::Observe(lru::FP_objcg_released, OnNumbered);
  harness::Observe(lru::FP_shrinker_unpublished, OnNumbered);
  harness::Observe(lru::FP_memory_freed, OnFreed);
  harness::Observe(lru::FP_memcg_looked_up, OnLookedUp);
  harness::Observe(lru::FP_list_locked, OnListLocked);
  harness::Observe(lru::FP_css_free, OnMemcgGoes);
  const harness::LruInfo* lru =
      harness::Catalog::Get().FindLru(world.config().lru);
  if (lru && lru->plugin) {
    harness::Observe(lru::FP_item_linked, OnChanged);
    harness::Observe(lru::FP_item_unlinked, OnChanged);
  }
  lru::lru_no_section_hook.store(OnNoSection, kRelaxed);
  // node-lock looks the list up next, with that lock held.
  if (lru::current_lru_ops().climbs) {
    harness::Observe(lru::FP_list_looked_up, OnReader);
  }
  for (fault_point fp :
       {lru::FP_count_loaded, lru::FP_shrinker_looked_up, lru::FP_ref_get,
        lru::FP_ref_put, lru::FP_css_got_online}) {
    harness::Observe(fp, OnReader);
  }
}

void AfterTeardown() { lru::lru_no_section_hook.store(nullptr, kRelaxed); }

LRUTORTURE_REGISTER(RegisterOracle(
    {{"rcu_before_free", "6, 27",
      "Memory that RCU readers find is freed only after every read section "
      "that was open when lookups stopped finding it has ended; and who reads "
      "a count, finds a list, follows an RCU pointer or tries to get a "
      "reference is in one."}},
    {.start = Start,
     .check_totals = nullptr,
     .after_teardown = AfterTeardown}));

}  // namespace
}  // namespace workloads::memory_oracle
