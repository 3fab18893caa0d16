// Walks and counts of the outer API, and lrus that come and go, each as an
// operation on record. Shared by the actors that call them; not an actor of its
// own.
#ifndef LRUTORTURE_WORKLOADS_ACTORS_LIST_CALLS_H_
#define LRUTORTURE_WORKLOADS_ACTORS_LIST_CALLS_H_

#include "harness/flight_recorder.h"
#include "workloads/world.h"

namespace workloads {

// Which lists: memcg null means the root's; else the caller has a reference.
struct Lists {
  lru::list_lru* lru;
  lru::mem_cgroup* memcg;
  int nid;
};

class ListCalls {
 public:
  explicit ListCalls(World& world) : world_(world) {}

  // A lru of the world, a node, and one memcg in eight times the root. Put the
  // memcg when done.
  Lists Draw(harness::Prng& prng);

  // What the callback moves away stays in args.dispose. An lru that is irq_safe
  // is walked by list_lru_walk_one_irq() alone.
  void WalkOne(const Lists& lists, WalkArgs& args);
  void WalkNode(const Lists& lists, WalkArgs& args);
  void Walk(const Lists& lists, WalkArgs& args);
  void ShrinkWalk(const Lists& lists, WalkArgs& args);
  void Dispose(WalkArgs& args);

  // What comes back is judged by counts_sane, which stands in between.
  void CountOne(const Lists& lists);
  void CountNode(const Lists& lists);
  void Count(const Lists& lists);
  void ShrinkCount(const Lists& lists);

  // A list_lru and its shrinker, as a mount makes them and deactivate_super()
  // and kill_sb() take them down again. `index` is the caller's, reserved; in
  // between nobody else uses the lru but through its shrinker, and
  // free_objects() leaves nothing on it. False: no memory.
  bool Register(uint32_t index, bool memcg_aware);
  template <class F>
  void Unregister(uint32_t index, F free_objects);

 private:
  World& world_;
};

template <class F>
void ListCalls::Unregister(uint32_t index, F free_objects) {
  harness::Operation op{.verb = harness::Verb::k_unregister,
                        .lru = world_.lru(index)->serial};
  harness::BeginOperation(op);
  world_.FreeShrinker(index);
  free_objects();
  world_.DestroyLru(index);
  harness::EndOperation(op, 1);
}

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ACTORS_LIST_CALLS_H_
