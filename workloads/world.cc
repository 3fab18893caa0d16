#include "workloads/world.h"

#include <algorithm>
#include <utility>

#include "harness/flight_recorder.h"
#include "lru/sync/alloc.h"
#include "workloads/registry.h"

namespace workloads {

namespace detail {
World* the_world = nullptr;
}

namespace {

constexpr uint32_t kKilledTwice = 8;  // one in so many memcgs

lru::slab_reuse ReuseOf(harness::SlabReuse reuse) {
  switch (reuse) {
    case harness::SlabReuse::kNever:
      return lru::slab_reuse::NEVER;
    case harness::SlabReuse::kAfterGracePeriod:
      return lru::slab_reuse::AFTER_GRACE_PERIOD;
    case harness::SlabReuse::kImmediate:
      return lru::slab_reuse::IMMEDIATE;
  }
  return lru::slab_reuse::NEVER;
}

// The second one finds that there is nothing left, as after a failed init.
void DestroyTwice(const lru::list_lru_ops& ops, lru::list_lru* lru) {
  ops.list_lru_destroy(lru);
  ops.list_lru_destroy(lru);
}

// --- the lru's own shrinker: count and walk, as every user in the kernel
// -------

unsigned long CountObjects(lru::shrinker* shrinker, lru::shrink_control* sc) {
  auto* lru = static_cast<lru::list_lru*>(shrinker->private_data);
  unsigned long count = lru::list_lru_shrink_count(lru, sc);
  return count ? count : lru::SHRINK_EMPTY;
}

unsigned long ScanObjects(lru::shrinker* shrinker, lru::shrink_control* sc) {
  auto* lru = static_cast<lru::list_lru*>(shrinker->private_data);
  const WorkloadOps& ops = TheWorld().ops();
  WalkArgs args{.prng = CurrentNotes()->prng};
  auto walk =
      lru->irq_safe ? lru::list_lru_shrink_walk_irq : lru::list_lru_shrink_walk;
  unsigned long freed = walk(lru, sc, ops.isolate, &args);
  while (!lru::list_empty(&args.dispose)) {
    ops.dispose(ObjectOf(args.dispose.next));
  }
  CurrentNotes()->freed += freed;
  return freed;
}

}  // namespace

World::World(const harness::Config& config, const Parts& parts)
    : config_(config),
      ops_(parts.ops),
      passing_(kLruIndexes - config.topology.lrus),
      memcgs_(config.topology.memcgs),
      uses_(config.topology.memcgs),
      filling_(config.topology.memcgs),
      shared_(config.topology.objects) {
  detail::the_world = this;
  if (const harness::Recorder* r = harness::recorder()) {
    teardowns_before_ = r->teardowns.load(std::memory_order_relaxed);
  }
  lru::memcg_boot(static_cast<int>(nids()), parts.lru_ops, parts.steps);
  Populate();
}

void World::Replace(const Parts& parts) {
  ops_.store(parts.ops, std::memory_order_relaxed);
  lru::set_lru_ops(parts.lru_ops);
  lru::set_teardown_steps(parts.steps);
}

void World::Populate() {
  cache_ = lru::kmem_cache_create(sizeof(Object),
                                  ReuseOf(config_.topology.slab_reuse));
  for (uint32_t i = 0; i < nr_lrus(); i++) {
    lrus_.push_back(std::make_unique<Lru>());
    lru(i)->irq_safe = i + config_.topology.irq_lrus >= nr_lrus();
    // Every third knows no memcg: the plain lists get their share. Those that
    // interrupts use all do, as the one of workingset.c.
    bool memcg_aware = i % 3 != 2 || lru(i)->irq_safe;
    if (!InitLru(*lrus_[i], memcg_aware)) abort();  // out of memory so early
    lru::shrinker_register(lrus_[i]->shrinker);
  }
  first_lru_ = lru(0)->serial;
  nr_indexes_ = static_cast<int>(nr_lrus());
  CreateMissing();
}

// As alloc_super(): the shrinker first, and registered last.
bool World::InitLru(Lru& entry, bool memcg_aware) {
  entry.shrinker = lru::shrinker_alloc(/*memcg_aware=*/true);
  if (!entry.shrinker) return false;
  entry.shrinker->count_objects = CountObjects;
  entry.shrinker->scan_objects = ScanObjects;
  entry.shrinker->private_data = &entry.list_lru;
  if (!lru_ops().list_lru_init(&entry.list_lru, memcg_aware, entry.shrinker)) {
    return true;
  }
  lru_ops().list_lru_destroy(&entry.list_lru);  // may follow a failed init
  lru::shrinker_free(entry.shrinker);
  return false;
}

int World::PassingLruIndex(uint32_t serial) const {
  for (int i = static_cast<int>(nr_lrus()); serial && i < nr_indexes_; i++) {
    if (LruSerial(i) == serial) return i;
  }
  return -1;
}

uint32_t World::ReserveLru() {
  lrus_.push_back(nullptr);
  nr_indexes_ = std::min(static_cast<int>(lrus_.size()), kLruIndexes);
  return static_cast<uint32_t>(lrus_.size() - 1);
}

bool World::CreateLru(uint32_t index, bool memcg_aware) {
  auto entry = std::make_unique<Lru>();
  if (!InitLru(*entry, memcg_aware)) return false;
  uint32_t serial = entry->list_lru.serial;
  lrus_[index] = std::move(entry);
  if (index < kLruIndexes) {
    for (const Oracle& oracle : Oracles()) {
      if (oracle.lru_created) oracle.lru_created(index, memcg_aware);
    }
    // Oracles have forgotten the lru before when they can find this one; no
    // item can be on its lists yet.
    passing_[index - nr_lrus()].store(serial, std::memory_order_release);
  }
  lru::shrinker_register(lrus_[index]->shrinker);
  return true;
}

void World::FreeShrinker(uint32_t index) {
  lru::shrinker* shrinker = lrus_[index]->shrinker;
  if (!lru::shrinker_is_found(shrinker)) {
    harness::ReportViolation(
        {.invariant = "shrinker_bit", .what = "lost id"},
        "the shrinker of lru %u is registered, but no bit leads to it: its id, "
        "%d, finds nobody or another one",
        lru(index)->serial, shrinker->id);
  }
  lru::shrinker_free(shrinker);
  lrus_[index]->shrinker = nullptr;
}

void World::DestroyLru(uint32_t index) {
  // Its lists are empty. Once it is out of memcg_list_lrus, reparent passes it
  // by: oracles must not wait for that any more.
  if (index < kLruIndexes) {
    passing_[index - nr_lrus()].store(0, std::memory_order_relaxed);
  }
  DestroyTwice(lru_ops(), &lrus_[index]->list_lru);
  lrus_[index] = nullptr;
}

// Level by level: as many on each level as on the others, within one.
uint32_t World::ParentIndex(uint32_t index) const {
  uint32_t depth = std::min(config_.topology.depth, nr_memcgs());
  uint32_t width = (nr_memcgs() + depth - 1) / depth;
  return index < width ? nr_memcgs() : index - width;
}

uint32_t World::SerialAt(uint32_t index) {
  lru::rcu_guard guard;
  lru::mem_cgroup* memcg = lru::rcu_dereference(memcgs_[index]);
  return memcg ? lru::serial_of(memcg) : 0;
}

uint64_t World::UsesOf(uint32_t index) const {
  uint64_t uses = uses_[index].load(std::memory_order_relaxed);
  for (uint32_t child = index + 1; child < nr_memcgs(); child++) {
    if (ParentIndex(child) == index) uses = std::min(uses, UsesOf(child));
  }
  return uses;
}

lru::mem_cgroup* World::GetMemcg(uint32_t index) {
  lru::rcu_guard guard;
  lru::mem_cgroup* memcg = lru::rcu_dereference(memcgs_[index]);
  return memcg && lru::css_tryget_online(&memcg->css) ? memcg : nullptr;
}

bool World::ClaimAndDestroy(uint32_t index) {
  lru::mem_cgroup* memcg =
      memcgs_[index].exchange(nullptr, std::memory_order_acq_rel);
  if (!memcg) return false;
  // Busy: a child was created below it meanwhile.
  while (lru::mem_cgroup_destroy(memcg) == -EBUSY) {
    for (uint32_t child = 0; child < nr_memcgs(); child++) {
      if (ParentIndex(child) == index) DestroySubtree(child);
    }
    lru::task_yield();
  }
  begun_.fetch_add(1, std::memory_order_relaxed);
  // As rmdir and the disabling of a controller may both: the second is nothing.
  if (lru::serial_of(memcg) % kKilledTwice == 0) lru::mem_cgroup_destroy(memcg);
  lru::mem_cgroup_put(memcg);  // the index's
  return true;
}

void World::DestroySubtree(uint32_t index) {
  for (uint32_t child = index + 1; child < nr_memcgs(); child++) {
    if (ParentIndex(child) == index) DestroySubtree(child);
  }
  harness::Operation op{.verb = harness::Verb::k_destroy,
                        .memcg = SerialAt(index)};
  harness::BeginOperation(op);
  bool done = ClaimAndDestroy(index);
  harness::EndOperation(op, done);
}

lru::mem_cgroup* World::CreateAt(uint32_t index) {
  uint32_t parent_index = ParentIndex(index);
  if (parent_index == nr_memcgs()) {
    lru::mem_cgroup* memcg = lru::mem_cgroup_create(lru::root_mem_cgroup);
    // One comes and goes as a hierarchy that is mounted and unmounted.
    if (memcg && index == 0) lru::css_make_hierarchy(&memcg->css);
    return memcg;
  }
  lru::mem_cgroup* parent = GetMemcg(parent_index);
  if (!parent) return nullptr;  // the next round finds one
  lru::mem_cgroup* memcg = lru::mem_cgroup_create(parent);
  lru::mem_cgroup_put(parent);
  return memcg;
}

bool World::CreateMissing() {
  bool any = false;
  for (uint32_t index = 0; index < nr_memcgs(); index++) {
    if (memcgs_[index].load(std::memory_order_relaxed)) continue;
    // One destroyer at a time fills an index.
    if (filling_[index].exchange(1, std::memory_order_acquire)) continue;
    if (!memcgs_[index].load(std::memory_order_relaxed)) any |= Fill(index);
    filling_[index].store(0, std::memory_order_release);
  }
  return any;
}

bool World::Fill(uint32_t index) {
  harness::Operation op{.verb = harness::Verb::k_create};
  harness::BeginOperation(op);
  lru::mem_cgroup* memcg = CreateAt(index);
  if (memcg) {
    op.memcg = lru::serial_of(memcg);
    uses_[index].store(0, std::memory_order_relaxed);
    lru::rcu_assign_pointer(memcgs_[index], memcg);
  }
  harness::EndOperation(op, memcg != nullptr);
  return memcg != nullptr;
}

uint64_t World::InFlight() const {
  uint64_t begun = begun_.load(std::memory_order_relaxed);
  uint64_t ended =
      harness::recorder()->teardowns.load(std::memory_order_relaxed) -
      teardowns_before_;
  auto pins = static_cast<uint64_t>(pins_.load(std::memory_order_relaxed));
  ended += pins * config_.topology.depth;
  return begun > ended ? begun - ended : 0;
}

std::vector<Object*>& World::NewOwnObjects() {
  uint32_t tasks = 0;
  for (const harness::ActorSpec& spec : config_.actors) tasks += spec.count;
  own_.push_back(std::make_unique<std::vector<Object*>>(
      std::max(config_.topology.objects / std::max(tasks, 1u), 4u)));
  return *own_.back();
}

uint64_t World::ObjectsMax() const {
  uint64_t sum = shared_.size();
  for (const auto& own : own_) sum += own->size();
  // Those retired and still waiting for their grace period may be on a list.
  return sum + 1'000'000;
}

void World::FreeObject(Object* object) {
  ops().uncharge(lru(object->lru_index), object);
  lru::kmem_cache_free(cache_, object);
}

// Relaxed, so that two users of an object are not ordered by having got it, as
// refcount_inc_not_zero(): a locked instruction is a full barrier on x86, and
// the second look at the array comes after it.
static bool TryGet(Object* object) {
  uint64_t refs = object->refs.load(std::memory_order_relaxed);
  while (refs != 0 && !object->refs.compare_exchange_weak(
                          refs, refs + 1, std::memory_order_relaxed)) {
  }
  return refs != 0;
}

Object* World::GetShared(uint32_t index) {
  Object* object = lru::rcu_dereference(shared_[index]);
  if (!object || !recycles()) return object;
  // It may be free by now, or, where slabs are reused at once, another object.
  if (!TryGet(object)) return nullptr;
  if (lru::rcu_dereference(shared_[index]) == object) return object;
  PutShared(object);
  return nullptr;
}

void World::PutShared(Object* object) {
  if (!recycles()) return;
  if (object->refs.fetch_sub(1, std::memory_order_release) != 1) return;
  // pairs with the release of all who have put it
  (void)object->refs.load(std::memory_order_acquire);
  FreeObject(object);
}

bool World::PublishShared(uint32_t index, Object* object) {
  if (recycles()) object->refs.store(1, std::memory_order_relaxed);
  Object* expected = nullptr;
  if (shared_[index].compare_exchange_strong(expected, object,
                                             std::memory_order_acq_rel)) {
    return true;
  }
  if (recycles()) {
    PutShared(object);  // a reader who errs may have got it
  } else {
    FreeObject(object);
  }
  return false;
}

void World::RetireShared(uint32_t index) {
  Object* object = shared_[index].exchange(nullptr, std::memory_order_acq_rel);
  if (!object) return;
  if (recycles()) return PutShared(object);
  lru::call_rcu(&object->rcu, [](lru::rcu_head* head) {
    TheWorld().FreeObject(static_cast<Object*>(lru::slab_obj_of_rcu(head)));
  });
}

// The next one in turn of all reclaimers of that node.
lru::mem_cgroup* World::GetNextOfRound(int nid) {
  lru::mem_cgroup_reclaim_cookie reclaim{.nid = nid};
  lru::mem_cgroup* memcg =
      lru::mem_cgroup_iter(lru::root_mem_cgroup, nullptr, &reclaim);
  lru::mem_cgroup* online =
      memcg && lru::css_tryget_online(&memcg->css) ? memcg : nullptr;
  lru::mem_cgroup_put(memcg);
  return online;
}

void World::Reclaim(harness::Prng& prng) {
  TaskNotes* notes = CurrentNotes();
  // The plan's, so that the actor's own draws stay what they were.
  harness::Prng* own = std::exchange(notes->prng, &prng);
  int nid = static_cast<int>(prng.Below(nids()));
  uint64_t draw = prng.Below(4);
  lru::mem_cgroup* memcg = nullptr;
  if (draw == 1) {
    memcg = GetNextOfRound(nid);
  } else if (draw > 1) {
    memcg = GetMemcg(static_cast<uint32_t>(prng.Below(nr_memcgs())));
  }
  ShrinkSlab(nid, memcg, static_cast<int>(prng.Below(6)));
  lru::mem_cgroup_put(memcg);
  notes->prng = own;
}

unsigned long World::ShrinkSlab(int nid, lru::mem_cgroup* memcg, int priority) {
  const TaskNotes* notes = CurrentNotes();
  const uint64_t before = notes->freed;
  unsigned long freed = lru::shrink_slab(nid, memcg, priority);
  const uint64_t scans = notes->freed - before;
  if (freed == scans) return freed;
  harness::ReportViolation(
      {.invariant = "walk_contract",
       .memcg = memcg ? lru::serial_of(memcg) : 0,
       .what = "sum",
       .other = "shrink_slab"},
      "shrink_slab for memcg %u, nid %d returned %lu, but the scans that it "
      "made have freed %lu",
      memcg ? lru::serial_of(memcg) : 0, nid, freed, scans);
  return freed;
}

bool World::Settle() {
  lru::css_flush();
  int64_t alive = 1;  // the root
  for (auto& memcg : memcgs_) {
    if (memcg.load(std::memory_order_relaxed)) alive++;
  }
  return lru::live_allocs(lru::ALLOC_MEMCG) == alive;
}

void World::TearDown() {
  for (uint32_t i = 0; i < nr_shared(); i++) RetireShared(i);
  for (auto& own : own_) {
    for (Object*& object : *own) {
      if (object) FreeObject(object);
      object = nullptr;
    }
  }
  for (uint32_t i = nr_memcgs(); i-- > 0;) DestroySubtree(i);
  while (!Settle()) lru::task_yield();
  lru::rcu_barrier();
  for (uint32_t i = 0; i < nr_lrus(); i++) {
    lru::shrinker_free(lrus_[i]->shrinker);
    DestroyTwice(lru_ops(), lru(i));
  }
  lru::kmem_cache_destroy(cache_);
  lru::memcg_shutdown();
}

}  // namespace workloads
