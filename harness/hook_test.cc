#include "harness/hook.h"

#include <cerrno>
#include <cstring>
#include <functional>
#include <vector>

#include "gtest/gtest.h"
#include "harness/recorder_fixture.h"
#include "harness/workload.h"

namespace harness {
namespace {

std::vector<lru::fault_point> observed;
uint64_t head_seen = 0;
uint64_t fired_seen = 0;

void Note(lru::fault_point fp, const lru::fault_site&) {
  observed.push_back(fp);
  head_seen = CurrentSlot()->head.load();
  fired_seen = CurrentSlot()->fired[0].load();
}

class HookTest : public RecorderTest {
 protected:
  void SetUp() override {
    MapRecorder();
    UseRecorderTasks();
    config_.actors = {{.type = "adder"}, {.type = "deleter"}};
    observed.clear();
  }
  void TearDown() override {
    if (lru::current_task()) {
      DisarmHook();
      lru::task_disown();
    }
    lru::set_task_source(nullptr);
    UnmapRecorder();
  }

  Fault& AddFault(lru::fault_point at) {
    Fault& fault = config_.faults.emplace_back();
    fault.at = at;
    return fault;
  }
  Fault& AddDelay(lru::fault_point at) {
    Fault& fault = AddFault(at);
    fault.delay = Delay{1, 1};
    return fault;
  }
  // As RunStress() does it; the test becomes "adder-0".
  void Arm() {
    ArmHook(config_, 1);
    lru::task_adopt("adder-0");
    slot().type_index.store(0);
    ArmFaults();
  }
  uint64_t Fired(int fault) { return slot().fired[fault].load(); }
  int Hit(lru::fault_point fp, const lru::fault_site& site) {
    return lru::fault_point_slow(fp, site);
  }

  Config config_;
};

TEST_F(HookTest, RecorderThenObserverThenFault) {
  AddDelay(lru::FP_src_locked);
  Arm();
  Observe(lru::FP_src_locked, Note);
  Hit(lru::FP_src_locked, Site(1));
  ASSERT_EQ(observed.size(), 1u);
  EXPECT_EQ(head_seen, 1u);   // the point's event is there
  EXPECT_EQ(fired_seen, 0u);  // the fault is still to come
  EXPECT_EQ(Fired(0), 1u);
  auto events = LastEvents(slot(), 2);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].op.verb, Verb::k_point);
  EXPECT_EQ(events[1].op.verb, Verb::k_fault);
}

TEST_F(HookTest, ObserverRegisteredBeforeArmingIsCalled) {
  Observe(lru::FP_item_linked, Note);
  Observe(lru::FP_item_linked, Note);  // once all the same
  Arm();
  Hit(lru::FP_item_linked, Site(1));
  Hit(lru::FP_item_unlinked, Site(1));
  EXPECT_EQ(observed, std::vector<lru::fault_point>{lru::FP_item_linked});
}

TEST_F(HookTest, OnlyStagesAreEvents) {
  Arm();
  Hit(lru::FP_item_linked, Site(1));
  Hit(lru::FP_ref_put, Site(1));
  EXPECT_EQ(slot().head.load(), 0u);
  Hit(lru::FP_css_dying_set, Site(1));
  EXPECT_EQ(slot().head.load(), 1u);
}

TEST_F(HookTest, OperationOnADyingMemcgIsNoted) {
  Arm();
  Hit(lru::FP_css_dying_set, Site(1));
  EXPECT_EQ(FindMemcg(1)->operated.load(), 0u);
  Hit(lru::FP_memcg_looked_up, Site(1));
  EXPECT_EQ(FindMemcg(1)->operated.load(), 1u);
}

TEST_F(HookTest, FiltersByActorNodeAndDepth) {
  AddDelay(lru::FP_src_locked).actor = "adder";
  AddDelay(lru::FP_src_locked).actor = "deleter";
  AddDelay(lru::FP_src_locked).nid = 1;
  AddDelay(lru::FP_src_locked).depth = 3;
  Arm();
  Hit(lru::FP_src_locked, Site(1, /*depth=*/3, /*nid=*/0));
  EXPECT_EQ(Fired(0), 1u);
  EXPECT_EQ(Fired(1), 0u);
  EXPECT_EQ(Fired(2), 0u);
  EXPECT_EQ(Fired(3), 1u);
  EXPECT_EQ(slot().visits[2].visits, 0u);  // a visit that matched nothing
}

TEST_F(HookTest, WorkersMeetFaultsForEverybodyAndThoseThatNameThem) {
  AddDelay(lru::FP_src_locked).actor = "adder";
  AddDelay(lru::FP_src_locked);
  AddDelay(lru::FP_src_locked).actor = "wq-offline";
  AddDelay(lru::FP_src_locked).actor = "wq-release";
  Arm();
  slot().type_index.store(~0u);
  strcpy(slot().task.name, "wq-offline");
  Hit(lru::FP_src_locked, Site(1));
  EXPECT_EQ(Fired(0), 0u);
  EXPECT_EQ(Fired(1), 1u);
  EXPECT_EQ(Fired(2), 1u);
  EXPECT_EQ(Fired(3), 0u);
}

TEST_F(HookTest, ErrorPointFailsWhenAFaultSaysSo) {
  Fault& fault = AddFault(lru::FP_mlru_allocated);
  fault.enomem = true;
  fault.nth = 2;
  Arm();
  EXPECT_EQ(Hit(lru::FP_mlru_allocated, Site(1)), 0);
  EXPECT_EQ(Hit(lru::FP_mlru_allocated, Site(1)), -ENOMEM);
  EXPECT_EQ(Hit(lru::FP_mlru_allocated, Site(1)), 0);
}

TEST_F(HookTest, QuietPhaseKeepsRecorderAndObserversOnly) {
  AddDelay(lru::FP_src_locked);
  Arm();
  Observe(lru::FP_src_locked, Note);
  DisarmFaults();
  Hit(lru::FP_src_locked, Site(1));
  EXPECT_EQ(Fired(0), 0u);
  EXPECT_EQ(observed.size(), 1u);
  EXPECT_EQ(slot().head.load(), 1u);
}

TEST_F(HookTest, FaultsDoNotActBeforeTheyAreArmed) {
  AddDelay(lru::FP_src_locked);
  ArmHook(config_, 1);
  lru::task_adopt("main");
  Hit(lru::FP_src_locked, Site(1));
  EXPECT_EQ(Fired(0), 0u);
}

TEST_F(HookTest, NothingHappensAfterTheLatch) {
  AddDelay(lru::FP_src_locked);
  Arm();
  Observe(lru::FP_src_locked, Note);
  r().freeze.store(1);
  Hit(lru::FP_src_locked, Site(1));
  EXPECT_TRUE(observed.empty());
  EXPECT_EQ(Fired(0), 0u);
}

TEST_F(HookTest, ThreadThatIsNoTaskIsIgnored) {
  AddDelay(lru::FP_src_locked);
  ArmHook(config_, 1);
  ArmFaults();
  EXPECT_EQ(Hit(lru::FP_src_locked, Site(1)), 0);
  DisarmHook();
}

// --- reclaim -----------------------------------------------------------------

class Reclaimer : public Workload {
 public:
  std::function<void(Prng&)> reclaim = [](Prng&) {};
  void Setup(const Config&, uint64_t) override {}
  std::unique_ptr<Actor> MakeActor(const ActorSpec&, uint32_t) override {
    return nullptr;
  }
  void Reclaim(Prng& prng) override {
    calls++;
    reclaim(prng);
  }
  bool Quiesce() override { return true; }
  void CheckTotals() override {}
  void Teardown() override {}
  int calls = 0;
};

class ReclaimTest : public HookTest {
 protected:
  void SetUp() override {
    HookTest::SetUp();
    AddFault(lru::FP_mlru_allocated).reclaim = true;
  }
  void Arm() {
    ArmHook(config_, 1, &workload_);
    lru::task_adopt("adder-0");
    slot().type_index.store(0);
    ArmFaults();
  }
  Reclaimer workload_;
};

TEST_F(ReclaimTest, AllocationRunsAShrinkerAndSucceeds) {
  Arm();
  EXPECT_EQ(Hit(lru::FP_mlru_allocated, Site(1)), 0);
  EXPECT_EQ(Hit(lru::FP_mlru_allocated, Site(1)), 0);
  EXPECT_EQ(workload_.calls, 2);
  EXPECT_EQ(Fired(0), 2u);
  EXPECT_EQ(LastEvents(slot(), 1)[0].op.verb, Verb::k_fault);
  DisarmFaults();
  Hit(lru::FP_mlru_allocated, Site(1));
  EXPECT_EQ(workload_.calls, 2);
}

TEST_F(ReclaimTest, NeverWithinItself) {
  workload_.reclaim = [&](Prng&) {
    EXPECT_EQ(Hit(lru::FP_mlru_allocated, Site(1)), 0);
  };
  Arm();
  Hit(lru::FP_mlru_allocated, Site(1));
  EXPECT_EQ(workload_.calls, 1);
  EXPECT_EQ(slot().visits[0].visits, 1u);
  Hit(lru::FP_mlru_allocated, Site(1));
  EXPECT_EQ(workload_.calls, 2);
}

TEST_F(ReclaimTest, OtherFaultsActWithin) {
  AddDelay(lru::FP_list_locked);
  Fault& error = AddFault(lru::FP_mlru_allocated);
  error.enomem = true;
  int result = 0;
  workload_.reclaim = [&](Prng&) {
    Hit(lru::FP_list_locked, Site(1));
    result = Hit(lru::FP_mlru_allocated, Site(1));
  };
  Arm();
  Hit(lru::FP_mlru_allocated, Site(1));
  EXPECT_EQ(Fired(1), 1u);
  EXPECT_EQ(result, -ENOMEM);
}

TEST_F(ReclaimTest, DrawsAreThePlans) {
  std::vector<uint64_t> draws;
  workload_.reclaim = [&](Prng& prng) { draws.push_back(prng.Next()); };
  for (int run = 0; run < 2; run++) {
    Arm();
    for (int i = 0; i < 3; i++) Hit(lru::FP_mlru_allocated, Site(1));
    DisarmHook();
    lru::task_disown();
  }
  ASSERT_EQ(draws.size(), 6u);
  EXPECT_NE(draws[0], draws[1]);
  EXPECT_NE(draws[1], draws[2]);
  for (int i = 0; i < 3; i++) EXPECT_EQ(draws[i], draws[i + 3]);
}

TEST_F(ReclaimTest, OnlyActorsReclaim) {
  Arm();
  slot().type_index.store(~0u);
  Hit(lru::FP_mlru_allocated, Site(1));
  EXPECT_EQ(workload_.calls, 0);
  EXPECT_EQ(Fired(0), 0u);
}

// --- holds -------------------------------------------------------------------

TEST_F(HookTest, HoldEndsAtOnceWhenTheStageIsReached) {
  Fault& fault = AddFault(lru::FP_memcg_looked_up);
  fault.hold = HoldUntil{lru::FP_css_dying_set, 10'000'000};
  Arm();
  Hit(lru::FP_css_dying_set, Site(5));
  Hit(lru::FP_memcg_looked_up, Site(5));
  EXPECT_EQ(Fired(0), 1u);
  EXPECT_EQ(slot().timeouts[0].load(), 0u);
}

TEST_F(HookTest, HoldForAMemcgLongGoneEndsAtOnce) {
  Fault& fault = AddFault(lru::FP_memcg_looked_up);
  fault.hold = HoldUntil{lru::FP_css_released, 10'000'000};
  Arm();
  Hit(lru::FP_css_dying_set, Site(5 + kMemcgSlots));
  Hit(lru::FP_memcg_looked_up, Site(5));
  EXPECT_EQ(slot().timeouts[0].load(), 0u);
}

TEST_F(HookTest, HoldThatNothingEndsTimesOutAndIsCounted) {
  Fault& fault = AddFault(lru::FP_memcg_looked_up);
  fault.hold = HoldUntil{lru::FP_css_released, 2'000};
  Arm();
  Hit(lru::FP_css_dying_set, Site(6));  // another memcg
  Hit(lru::FP_css_released, Site(6));
  uint64_t began = lru::now_ns();
  Hit(lru::FP_memcg_looked_up, Site(5));
  // Two clocks: a hold counts ticks, calibrated to a per cent or so.
  EXPECT_GE(lru::now_ns() - began, 1'900'000u);
  EXPECT_EQ(slot().timeouts[0].load(), 1u);
  EXPECT_EQ(slot().fp_here.load(), ~0u);
}

TEST_F(HookTest, StopEndsAHold) {
  Fault& fault = AddFault(lru::FP_memcg_looked_up);
  fault.hold = HoldUntil{lru::FP_css_released, 60'000'000};
  Arm();
  r().stop.store(1);
  Hit(lru::FP_memcg_looked_up, Site(5));
  EXPECT_EQ(slot().timeouts[0].load(), 0u);
}

// A deleter is held at a point without a memcg until an adder visits
// item_linked: the only order in which it ends without its timeout.
TEST_F(HookTest, HoldWithoutMemcgWaitsForTheNextVisitByAnybody) {
  Fault& fault = AddFault(lru::FP_shrink_rescanned);
  fault.hold = HoldUntil{lru::FP_item_linked, 60'000'000};
  Arm();
  Hit(lru::FP_item_linked, Site(5));  // before the hold: does not count
  lru::task* held = lru::task_start(
      "deleter-0",
      [](void*) {
        lru::fault_point_slow(lru::FP_shrink_rescanned, lru::fault_site{});
      },
      nullptr);
  TaskSlot& deleter = *SlotOf(held);
  while (deleter.fp_here.load(std::memory_order_relaxed) !=
         lru::FP_shrink_rescanned) {
    lru::task_yield();
  }
  // fp_here is set before the hold begins to watch: visit until it has seen.
  while (deleter.fp_here.load(std::memory_order_relaxed) != ~0u) {
    Hit(lru::FP_item_linked, Site(5));
    lru::task_yield();
  }
  lru::task_join(held);
  EXPECT_EQ(deleter.timeouts[0].load(), 0u);
  EXPECT_EQ(deleter.fired[0].load(), 1u);
}

// --- implicit points
// -----------------------------------------------------------

TEST_F(HookTest, ImplicitPointIsOuterFunctionOperationAndSide) {
  Fault& fault = AddFault(lru::NR_FAULT_POINTS);
  fault.implicit = "list_lru_add/lock_list_lru>spin_lock:done";
  fault.delay = Delay{1, 1};
  Arm();
  EXPECT_TRUE(lru::armed(lru::ARMED_SYNC));
  auto hit = [&](const char* outer, const char* function, lru::sync_op op,
                 bool done) {
    slot().task.api.store(outer);
    lru::sync_point(op, function, nullptr, done);
    return Fired(0);
  };
  EXPECT_EQ(hit("list_lru_add", "lock_list_lru", lru::SYNC_spin_lock, false),
            0u);
  EXPECT_EQ(hit("list_lru_add", "lock_list_lru", lru::SYNC_mutex_lock, true),
            0u);
  EXPECT_EQ(hit("list_lru_add", "other", lru::SYNC_spin_lock, true), 0u);
  EXPECT_EQ(hit("list_lru_del", "lock_list_lru", lru::SYNC_spin_lock, true),
            0u);
  EXPECT_EQ(hit(nullptr, "lock_list_lru", lru::SYNC_spin_lock, true), 0u);
  const char function[] = "lock_list_lru";  // another address, same letters
  EXPECT_EQ(hit("list_lru_add", "lock_list_lru", lru::SYNC_spin_lock, true),
            1u);
  EXPECT_EQ(hit("list_lru_add", function, lru::SYNC_spin_lock, true), 2u);
  DisarmFaults();
  EXPECT_EQ(hit("list_lru_add", function, lru::SYNC_spin_lock, true), 2u);
}

TEST_F(HookTest, ImplicitPointOutsideTheOuterApiHasADashForIt) {
  Fault& fault = AddFault(lru::NR_FAULT_POINTS);
  fault.implicit = "-/css_put>rmw";
  fault.delay = Delay{1, 1};
  Arm();
  slot().task.api.store("list_lru_add");
  lru::sync_point(lru::SYNC_rmw, "css_put", nullptr);
  EXPECT_EQ(Fired(0), 0u);
  slot().task.api.store(nullptr);
  lru::sync_point(lru::SYNC_rmw, "css_put", nullptr);
  EXPECT_EQ(Fired(0), 1u);
}

TEST_F(HookTest, SyncHookStaysOffWithoutImplicitFaults) {
  AddDelay(lru::FP_src_locked);
  Arm();
  EXPECT_FALSE(lru::armed(lru::ARMED_SYNC));
  EXPECT_TRUE(lru::armed(lru::ARMED_HOOK));
  DisarmHook();
  EXPECT_FALSE(lru::armed(lru::ARMED_HOOK));
}

}  // namespace
}  // namespace harness
