#include "workloads/actors/list_calls.h"

namespace workloads {
namespace {

using harness::Verb;

constexpr uint64_t kWalkOneMax = 16;
constexpr uint64_t kWalkNodeMax = 32;

// One memcg's lists on one node.
harness::Operation OnOne(Verb verb, const Lists& lists) {
  return {.verb = verb,
          .memcg = lists.memcg ? lru::serial_of(lists.memcg) : 0,
          .lru = lists.lru->serial,
          .nid = lists.nid};
}

// Everybody's lists on one node.
harness::Operation OnNode(Verb verb, const Lists& lists) {
  return {.verb = verb, .lru = lists.lru->serial, .nid = lists.nid};
}

harness::Operation OnAll(Verb verb, const Lists& lists) {
  return {.verb = verb, .lru = lists.lru->serial};
}

// Records what `call` does; its result goes on record, cut to 31 bits.
template <class F>
unsigned long Recorded(const harness::Operation& op, F call) {
  harness::BeginOperation(op);
  unsigned long result = call();
  harness::EndOperation(op, static_cast<int32_t>(result & 0x7fffffff));
  return result;
}

// What the callbacks of one call say, whatever the lru makes of it.
struct Tally {
  lru::list_lru_walk_cb isolate;
  WalkArgs& args;
  unsigned long removed = 0;
};

lru::lru_status Tallied(lru::list_head* item, lru::list_lru_one* list,
                        lru::spinlock_t* lock, void* cb_arg) {
  auto* tally = static_cast<Tally*>(cb_arg);
  lru::lru_status status = tally->isolate(item, list, lock, &tally->args);
  if (status == lru::LRU_REMOVED || status == lru::LRU_REMOVED_RETRY) {
    tally->removed++;
  }
  return status;
}

lru::shrink_control ControlOf(const Lists& lists) {
  return {.nid = lists.nid, .memcg = lists.memcg};
}

}  // namespace

Lists ListCalls::Draw(harness::Prng& prng) {
  auto lru = static_cast<uint32_t>(prng.Below(world_.nr_lrus()));
  int nid = static_cast<int>(prng.Below(world_.nids()));
  auto index = static_cast<uint32_t>(prng.Below(world_.nr_memcgs()));
  bool root = prng.Below(8) == 0;
  return {world_.lru(lru), root ? nullptr : world_.GetMemcg(index), nid};
}

void ListCalls::WalkOne(const Lists& lists, WalkArgs& args) {
  unsigned long nr_to_walk = 1 + args.prng->Below(kWalkOneMax);
  auto walk = lists.lru->irq_safe ? world_.lru_ops().list_lru_walk_one_irq
                                  : world_.lru_ops().list_lru_walk_one;
  Recorded(OnOne(Verb::k_walk_one, lists), [&] {
    return walk(lists.lru, lists.nid, lists.memcg, world_.ops().isolate, &args,
                &nr_to_walk);
  });
}

void ListCalls::WalkNode(const Lists& lists, WalkArgs& args) {
  if (lists.lru->irq_safe) return WalkOne(lists, args);
  unsigned long nr_to_walk = 1 + args.prng->Below(kWalkNodeMax);
  Recorded(OnNode(Verb::k_walk_node, lists), [&] {
    return world_.lru_ops().list_lru_walk_node(
        lists.lru, lists.nid, world_.ops().isolate, &args, &nr_to_walk);
  });
}

void ListCalls::Walk(const Lists& lists, WalkArgs& args) {
  if (lists.lru->irq_safe) return WalkOne(lists, args);
  unsigned long nr_to_walk = 1 + args.prng->Below(kWalkNodeMax);
  // Of each node's walk the oracle knows; of their sum, who called alone.
  Tally tally{world_.ops().isolate, args};
  unsigned long isolated = Recorded(OnAll(Verb::k_walk, lists), [&] {
    return lru::list_lru_walk(lists.lru, Tallied, &tally, nr_to_walk);
  });
  if (isolated == tally.removed) return;
  harness::ReportViolation(
      {.invariant = "walk_contract", .what = "sum", .other = "list_lru_walk"},
      "list_lru_walk of lru %u returned %lu, but its callbacks have removed "
      "%lu items",
      lists.lru->serial, isolated, tally.removed);
}

void ListCalls::ShrinkWalk(const Lists& lists, WalkArgs& args) {
  lru::shrink_control sc = ControlOf(lists);
  sc.nr_to_scan = 1 + args.prng->Below(kWalkOneMax);
  auto walk = lists.lru->irq_safe ? lru::list_lru_shrink_walk_irq
                                  : lru::list_lru_shrink_walk;
  Recorded(OnOne(Verb::k_shrink_walk, lists),
           [&] { return walk(lists.lru, &sc, world_.ops().isolate, &args); });
}

void ListCalls::Dispose(WalkArgs& args) {
  while (!lru::list_empty(&args.dispose)) {
    world_.ops().dispose(ObjectOf(args.dispose.next));
  }
}

void ListCalls::CountOne(const Lists& lists) {
  Recorded(OnOne(Verb::k_count_one, lists), [&] {
    return world_.lru_ops().list_lru_count_one(lists.lru, lists.nid,
                                               lists.memcg);
  });
}

void ListCalls::CountNode(const Lists& lists) {
  Recorded(OnNode(Verb::k_count_node, lists), [&] {
    return world_.lru_ops().list_lru_count_node(lists.lru, lists.nid);
  });
}

void ListCalls::Count(const Lists& lists) {
  Recorded(OnAll(Verb::k_count_node, lists),
           [&] { return lru::list_lru_count(lists.lru); });
}

void ListCalls::ShrinkCount(const Lists& lists) {
  lru::shrink_control sc = ControlOf(lists);
  Recorded(OnOne(Verb::k_count_one, lists),
           [&] { return lru::list_lru_shrink_count(lists.lru, &sc); });
}

bool ListCalls::Register(uint32_t index, bool memcg_aware) {
  harness::Operation op{.verb = Verb::k_register};
  harness::BeginOperation(op);
  bool done = world_.CreateLru(index, memcg_aware);
  if (done) op.lru = world_.lru(index)->serial;
  harness::EndOperation(op, done);
  return done;
}

}  // namespace workloads
