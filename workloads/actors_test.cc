// Each actor does what its sentence says, and keeps the rules of object.h.
#include "lru/sync/alloc.h"
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using harness::Verb;
using testing::IsEmpty;

uint64_t Done(Verb verb) {
  return harness::CurrentSlot()->operations[static_cast<int>(verb)].load();
}
uint64_t Adds() { return Done(Verb::k_add) + Done(Verb::k_add_obj); }
uint64_t Dels() { return Done(Verb::k_del) + Done(Verb::k_del_obj); }

uint64_t ObjectsOf(World& world) {
  uint64_t objects = 0;
  world.ForEachObject([&](const Object*) { objects++; });
  return objects;
}
uint64_t SharedOf(World& world) {
  uint64_t objects = 0;
  for (uint32_t i = 0; i < world.nr_shared(); i++) {
    objects += world.shared(i).load() != nullptr;
  }
  return objects;
}

TEST(ActorsTest, AdderMostlyAdds) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Step(500, "adder");
                EXPECT_GT(Adds(), 2 * Dels());
                EXPECT_GT(Dels(), 0u);
                EXPECT_GT(Done(Verb::k_add), 0u);
                EXPECT_GT(Done(Verb::k_add_obj), 0u);
                EXPECT_GT(ObjectsOf(s.world()), 20u);
                s.Finish();
              }),
              IsEmpty());
}

TEST(ActorsTest, DeleterMostlyDeletes) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Step(500, "deleter");
                EXPECT_GT(Dels(), Adds());
                EXPECT_GT(Adds(), 0u);
                EXPECT_GT(Done(Verb::k_del), 0u);
                EXPECT_GT(Done(Verb::k_del_obj), 0u);
                s.Finish();
              }),
              IsEmpty());
}

TEST(ActorsTest, ObjectsAreSharedOrOwnAsTheConfigSays) {
  for (bool shared : {false, true}) {
    EXPECT_THAT(
        RunScenario([&] {
          harness::Config config = ChainConfig();
          config.actors[0].objects =
              shared ? harness::Objects::kShared : harness::Objects::kOwn;
          Scenario s(CleanParts(), config);
          s.Step(300, "adder");
          EXPECT_GT(ObjectsOf(s.world()), 0u);
          EXPECT_EQ(SharedOf(s.world()), shared ? ObjectsOf(s.world()) : 0u);
          s.Finish();
        }),
        IsEmpty());
  }
}

TEST(ActorsTest, ShrinkerReclaimsInEveryWay) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Step(100, "adder");
                auto linked = [&] {
                  uint64_t linked = 0;
                  s.world().ForEachObject([&](const Object* object) {
                    linked += object->linked.load();
                  });
                  return linked;
                };
                uint64_t before = linked();
                s.Step(300, "shrinker");
                EXPECT_LT(linked(), before);
                EXPECT_GT(Done(Verb::k_shrink_slab), 0u);
                EXPECT_GT(Done(Verb::k_walk_one), 0u);
                EXPECT_GT(Done(Verb::k_walk_node), 0u);
                // Nothing stays on a private list.
                s.world().ForEachObject([](const Object* object) {
                  EXPECT_FALSE(object->disposing);
                });
                s.Finish();
              }),
              IsEmpty());
}

TEST(ActorsTest, DestroyerDestroysAndMakesAnew) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                uint32_t newest = s.world().SerialAt(3);
                // Some steps find that a destruction has not ended yet.
                auto enough = [] {
                  return Done(Verb::k_destroy) > 10 &&
                         Done(Verb::k_create) > 10;
                };
                for (int i = 0; i < 10'000 && !enough(); i++) {
                  s.Step(10, "destroyer");
                  lru::sleep_ns(100'000);
                }
                EXPECT_GT(Done(Verb::k_destroy), 10u);
                EXPECT_GT(Done(Verb::k_create), 10u);
                EXPECT_GT(s.world().SerialAt(3), newest + 10);
                for (uint32_t i = 0; i < s.world().nr_memcgs(); i++) {
                  EXPECT_NE(s.world().SerialAt(i), 0u);
                }
                s.Finish();
              }),
              IsEmpty());
}

uint64_t DisposingOf(World& world) {
  uint64_t disposing = 0;
  world.ForEachObject(
      [&](const Object* object) { disposing += object->disposing; });
  return disposing;
}

TEST(ActorsTest, WalkerWalksInEveryWayAndKeepsWhatItMovedAway) {
  EXPECT_THAT(RunScenario([] {
                harness::Config config = ChainConfig();
                config.actors.push_back({.type = "walker"});
                Scenario s(CleanParts(), config);
                uint64_t kept = 0;
                for (int i = 0; i < 300; i++) {
                  s.Step(1, "adder");
                  s.Step(1, "walker");
                  kept += DisposingOf(s.world());
                }
                EXPECT_GT(kept, 0u);
                for (Verb verb : {Verb::k_walk_one, Verb::k_walk_node,
                                  Verb::k_walk, Verb::k_shrink_walk}) {
                  EXPECT_GT(Done(verb), 30u) << harness::VerbName(verb);
                }
                s.Quiet();
                EXPECT_EQ(DisposingOf(s.world()), 0u);
                s.CheckTotals();
                s.TearDown();
              }),
              IsEmpty());
}

// Each node's walk says one more than its callbacks have removed.
unsigned long WalkNodeAndOne(lru::list_lru* lru, int nid,
                             lru::list_lru_walk_cb isolate, void* cb_arg,
                             unsigned long* nr_to_walk) {
  return 1 + lru::node_lock_ops().list_lru_walk_node(lru, nid, isolate, cb_arg,
                                                     nr_to_walk);
}

TEST(ActorsTest, WalkerChecksTheSumOfAllNodes) {
  lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_walk_node = WalkNodeAndOne;
  EXPECT_THAT(RunScenario([&] {
                harness::Config config = ChainConfig();
                config.actors.push_back({.type = "walker"});
                Scenario s(CleanParts(ops), config);
                s.Step(30, "adder");
                s.Step(30, "walker");
              }),
              testing::Contains(
                  Says("walk_contract", "list_lru_walk of lru 1 returned")));
}

unsigned long ScanAndOne(lru::shrinker* shrinker, lru::shrink_control* sc) {
  static const auto kScan = TheWorld().shrinker(1)->scan_objects;
  return 1 + kScan(shrinker, sc);
}

TEST(ActorsTest, ShrinkerChecksTheSumOfAllScans) {
  EXPECT_THAT(
      RunScenario([] {
        Scenario s;
        s.world().shrinker(0)->scan_objects = ScanAndOne;
        s.Step(100, "adder");
        s.Step(100, "shrinker");
      }),
      testing::Contains(Says("walk_contract", "the scans that it made")));
}

harness::Config WithCounter() {
  harness::Config config = ChainConfig();
  config.actors.push_back({.type = "counter"});
  return config;
}

TEST(ActorsTest, CounterCountsInEveryWayAndChangesNothing) {
  EXPECT_THAT(
      RunScenario([] {
        Scenario s(CleanParts(), WithCounter());
        s.Step(100, "adder");
        uint64_t progress = harness::CurrentSlot()->progress.load();
        s.Step(200, "counter");
        EXPECT_GT(Done(Verb::k_count_one), 60u);
        EXPECT_GT(Done(Verb::k_count_node), 60u);
        EXPECT_EQ(Done(Verb::k_count_one) + Done(Verb::k_count_node), 200u);
        EXPECT_EQ(harness::CurrentSlot()->progress.load(), progress + 200);
        s.Finish();
      }),
      IsEmpty());
}

TEST(ActorsTest, CounterJudgesWhatComesBack) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_count_node = [](lru::list_lru*, int) { return ~0ul; };
  World::Parts parts = CleanParts();
  parts.lru_ops = &ops;
  Findings findings = RunScenario([&] {
    Scenario s(parts, WithCounter());
    s.Step(50, "counter");
  });
  EXPECT_THAT(findings,
              testing::Contains(Says("counts_sane", "count_node of")));
}

// Adds by a memcg that has been offlined, by where the items went.
std::atomic<uint32_t> late_adds = 0;
std::atomic<uint32_t> late_adds_to_root = 0;
void OnLinked(lru::fault_point, const lru::fault_site& site) {
  const auto* memcg = static_cast<const lru::mem_cgroup*>(site.memcg.ptr);
  if (!memcg || (memcg->css.flags.load() & lru::CSS_ONLINE)) return;
  late_adds++;
  if (!site.owner.serial) late_adds_to_root++;
}

TEST(ActorsTest, PinnerUsesTheMemcgAfterItsAncestorsOffline) {
  EXPECT_THAT(RunScenario([] {
                harness::Config config = ChainConfig();
                config.actors.push_back({.type = "pinner"});
                Scenario s(CleanParts(), config);
                harness::Observe(lru::FP_item_linked, OnLinked);
                s.Step(20, "pinner");
                EXPECT_EQ(Done(Verb::k_pin), 1u);
                EXPECT_EQ(Done(Verb::k_unpin), 0u);
                EXPECT_EQ(Done(Verb::k_register), 1u);
                EXPECT_EQ(Done(Verb::k_unregister), 0u);
                s.Destroy(0);  // all there are
                EXPECT_LT(harness::recorder()->teardowns.load(), 4u);
                EXPECT_EQ(late_adds.load(), 0u);
                s.Step(60, "pinner");
                EXPECT_GT(late_adds.load(), 0u);
                EXPECT_EQ(late_adds.load(), late_adds_to_root.load());
                EXPECT_EQ(Done(Verb::k_unpin), 1u);
                // The mount, once: while the memcg was dying.
                EXPECT_EQ(Done(Verb::k_unregister), 1u);
                s.Quiet();
                EXPECT_EQ(harness::recorder()->teardowns.load(), 4u);
                s.CheckTotals();
                s.TearDown();
              }),
              IsEmpty());
}

TEST(ActorsTest, PinnerLetsGoWhenNobodyDestroys) {
  EXPECT_THAT(RunScenario([] {
                harness::Config config = ChainConfig();
                config.actors.push_back({.type = "pinner"});
                Scenario s(CleanParts(), config);
                s.Step(2500, "pinner");
                EXPECT_GE(Done(Verb::k_unpin), 2u);
                EXPECT_GT(Done(Verb::k_add), 100u);
                EXPECT_GT(Done(Verb::k_del), 100u);
                EXPECT_GT(Done(Verb::k_walk_one), 0u);
                EXPECT_GT(Done(Verb::k_count_one), 0u);
                s.Finish();
              }),
              IsEmpty());
}

harness::Config WithRegistrar() {
  harness::Config config = ChainConfig();
  config.actors.push_back({.type = "registrar"});
  return config;
}

TEST(ActorsTest, RegistrarMakesLrusAndDestroysThem) {
  EXPECT_THAT(RunScenario([] {
                Scenario s(CleanParts(), WithRegistrar());
                s.Step(1000, "registrar");
                EXPECT_GT(Done(Verb::k_register), 10u);
                EXPECT_GT(Done(Verb::k_unregister), 10u);
                EXPECT_GT(Adds(), 100u);
                EXPECT_GT(Dels(), 50u);
                s.Quiet();
                EXPECT_EQ(Done(Verb::k_register), Done(Verb::k_unregister));
                EXPECT_EQ(lru::live_allocs(lru::ALLOC_LRU),
                          static_cast<int64_t>(s.world().nr_lrus()));
                s.CheckTotals();
                s.TearDown();
              }),
              IsEmpty());
}

TEST(ActorsTest, RegistrarGetsNoMemoryInAnyStep) {
  for (lru::fault_point fp :
       {lru::FP_shrinker_info_allocated, lru::FP_lru_allocated,
        lru::FP_mlru_allocated, lru::FP_xa_stored, lru::FP_slab_allocated}) {
    EXPECT_THAT(RunScenario([&] {
                  harness::Config config = WithRegistrar();
                  // Its shrinker is the first that the bitmaps have no bit for.
                  config.topology.lrus = lru::kShrinkerUnitBits;
                  harness::Fault fault;
                  fault.at = fp;
                  fault.enomem = true;
                  fault.one_in = 3;
                  config.faults.push_back(fault);
                  Scenario s(CleanParts(), config);
                  harness::ArmFaults();
                  s.Step(600, "registrar");
                  EXPECT_GT(harness::CurrentSlot()->fired[0].load(), 0u);
                  EXPECT_GT(Done(Verb::k_unregister), 0u);
                  EXPECT_EQ(s.world().LruSerial(lru::kShrinkerUnitBits) != 0,
                            Done(Verb::k_register) > 0);
                  s.Finish();
                }),
                IsEmpty())
        << lru::fault_point_at(fp).name;
  }
}

// A shared object that is freed while a reader has it, and memory that is
// another object by then.
TEST(ActorsTest, AReaderIsNotGivenARecycledObject) {
  EXPECT_THAT(RunScenario([] {
                harness::Config config = ChainConfig();
                config.topology.slab_reuse = harness::SlabReuse::kImmediate;
                Scenario s(CleanParts(), config);
                World& w = s.world();
                Object* object = s.ChargeAndAdd(3);
                lru::rcu_guard guard;
                EXPECT_EQ(w.GetShared(0), object);
                w.RetireShared(0);
                EXPECT_EQ(object->linked.load(), 1u);  // the reader's yet
                w.PutShared(object);
                EXPECT_EQ(lru::live_allocs(lru::ALLOC_SLAB_OBJ), 0);
                Object* other = w.ops().charge(w, 3, 0, 0);
                EXPECT_EQ(other, object);
                w.shared(0).store(object);  // what a late reader saw there
                EXPECT_EQ(w.GetShared(0), nullptr);
                w.shared(0).store(nullptr);
                w.FreeObject(other);
              }),
              IsEmpty());
}

// Where slabs are reused after a grace period, that is the cache's work alone:
// the object goes back to it with the last reference.
TEST(ActorsTest, AReaderKeepsAnObjectAndTheCacheItsMemory) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                World& w = s.world();
                Object* object = s.ChargeAndAdd(3);
                {
                  lru::rcu_guard guard;
                  EXPECT_EQ(w.GetShared(0), object);
                  w.RetireShared(0);
                  EXPECT_EQ(object->linked.load(), 1u);  // the reader's yet
                  w.PutShared(object);
                  EXPECT_EQ(lru::live_allocs(lru::ALLOC_SLAB_OBJ), 0);
                  EXPECT_EQ(object->refs.load(), 0u);  // a late reader sees
                  EXPECT_NE(w.ops().charge(w, 3, 0, 0), object);
                }
              }),
              IsEmpty());
}

WorkloadOps OpsThatCharge(decltype(WorkloadOps::charge) charge) {
  WorkloadOps ops = CleanWorkloadOps();
  ops.charge = charge;
  return ops;
}

TEST(ActorsTest, AnObjectOnAnotherNodeIsNoticed) {
  static const WorkloadOps kOps =
      OpsThatCharge([](World& world, uint32_t memcg, uint32_t lru, int) {
        return CleanWorkloadOps().charge(world, memcg, lru, 0);
      });
  EXPECT_THAT(
      RunScenario([] {
        World::Parts parts = CleanParts();
        parts.ops = &kOps;
        Scenario s(parts);
        s.Step(20, "adder");
      }),
      testing::AllOf(
          testing::Contains(Says("item_state", "was asked for on node 1")),
          testing::Contains(SaysWhat("item_state", "node"))));
}

TEST(ActorsTest, AMemcgThatHasNotBeenOnlineIsNoticed) {
  static lru::teardown_steps steps = lru::clean_teardown_steps();
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.memcg(3)->css.flags.store(0);  // iter passes it by
                s.Step(200, "shrinker");
              }),
              IsEmpty());
  steps.mem_cgroup_tryget = [](lru::mem_cgroup* memcg) {
    memcg->css.flags.store(0);
    return lru::mem_cgroup_tryget_clean(memcg);
  };
  EXPECT_THAT(RunScenario([] {
                World::Parts parts = CleanParts();
                parts.steps = &steps;
                Scenario s(parts);
                s.Step(50, "shrinker");
              }),
              testing::Contains(Says("teardown_order", "has not been online")));
}

}  // namespace
}  // namespace workloads
