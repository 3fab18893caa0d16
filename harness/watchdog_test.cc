#include "harness/watchdog.h"

#include <cstdio>
#include <functional>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harness/event.h"
#include "harness/recorder_fixture.h"

namespace harness {
namespace {

constexpr uint64_t kLookMs = 20;

// Fills tasks in by hand; no thread behind them.
class WatchdogTest : public RecorderTest {
 protected:
  WatchdogTest() {
    config_.stall_ms = 300;
    config_.quiet_ms = 0;
  }
  void SetUp() override {
    RecorderTest::SetUp();
    slot().task.in_use = false;  // the test itself is no suspect
    Enter(Phase::kRun);
  }
  void TearDown() override {
    slot().task.in_use = true;
    RecorderTest::TearDown();
  }

  void Enter(Phase phase) { r().phase.store(static_cast<uint32_t>(phase)); }
  TaskSlot& Add(const char* name, uint32_t type) {
    uint32_t index = r().nr_tasks.fetch_add(1);
    TaskSlot& slot = r().tasks[index];
    snprintf(slot.task.name, sizeof(slot.task.name), "%s", name);
    slot.task.id = index;
    slot.task.in_use = true;
    slot.type_index.store(type);
    slot.fp_here.store(~0u);
    return slot;
  }
  TaskSlot& AddActor(const char* name) { return Add(name, 0); }
  TaskSlot& AddWorker(const char* name) { return Add(name, ~0u); }
  static void Do(TaskSlot& slot, const Operation& op) {
    StoreOperation(slot.op_words, op);
    slot.op_started_ticks.store(1);
  }
  static void Name(lru::lock_ref& ref, const int* lock, const char* name) {
    ref.lock.store(lock);
    ref.name.store(name);
    ref.serial.store(1);
    ref.nid.store(0);
  }
  static void Hold(TaskSlot& slot, const int* lock, const char* name) {
    uint32_t nr = slot.task.nr_held.load();
    Name(slot.task.held[nr], lock, name);
    slot.task.nr_held.store(nr + 1);
  }
  static void Wait(TaskSlot& slot, const int* lock, const char* name) {
    Name(slot.task.waiting_for, lock, name);
    slot.task.waiting.store("spin_lock");
  }
  static void Idle(TaskSlot& slot) { slot.task.waiting.store("idle"); }

  // Looks until something is found, for `ms` at most; ms that passed.
  std::optional<Alarm> LookFor(uint64_t ms) {
    for (passed_ms_ = 0; passed_ms_ <= ms; passed_ms_ += kLookMs) {
      if (each_look_) each_look_();
      if (auto alarm = watchdog().Look(r(), kLookMs)) return alarm;
    }
    return std::nullopt;
  }
  Watchdog& watchdog() {
    if (!watchdog_) watchdog_.emplace(config_);
    return *watchdog_;
  }

  Config config_;
  std::optional<Watchdog> watchdog_;
  std::function<void()> each_look_;
  uint64_t passed_ms_ = 0;
  int a_ = 0, b_ = 0;  // locks
};

TEST_F(WatchdogTest, CycleIsADeadlockLongBeforeTheStall) {
  config_.stall_ms = 60'000;
  TaskSlot& adder = AddActor("adder-0");
  TaskSlot& worker = AddWorker("wq-offline");
  Do(adder, {Verb::k_add, 17, 4, 1, 0});
  Hold(adder, &a_, "cgroup_mutex");
  Wait(adder, &b_, "nlru->lock");
  Hold(worker, &b_, "nlru->lock");
  Wait(worker, &a_, "cgroup_mutex");
  RecordPoint(lru::FP_css_dying_set, Site(17));
  RecordPoint(lru::FP_node_spliced, Site(17));
  auto alarm = LookFor(1000);
  ASSERT_TRUE(alarm);
  EXPECT_EQ(alarm->kind, Kind::kDeadlock);
  EXPECT_EQ(alarm->memcg, 17u);
  EXPECT_GE(passed_ms_, 100u);
  EXPECT_LE(passed_ms_, 200u);
  EXPECT_EQ(alarm->message,
            "deadlock: adder-0, doing `add o17 m4 l1 n0`, waits for "
            "nlru->lock (lru 1, nid 0) held by wq-offline; wq-offline waits "
            "for cgroup_mutex (#1, nid 0) held by adder-0; memcg 17 is at "
            "node_spliced");
}

TEST_F(WatchdogTest, LockHeldByItsWaiterIsADeadlock) {
  TaskSlot& adder = AddActor("adder-0");
  Hold(adder, &a_, "nlru->lock");
  Wait(adder, &a_, "nlru->lock");
  auto alarm = LookFor(1000);
  ASSERT_TRUE(alarm);
  EXPECT_EQ(alarm->kind, Kind::kDeadlock);
  EXPECT_NE(alarm->message.find("held by itself"), std::string::npos);
  EXPECT_EQ(alarm->task, adder.task.id);
}

TEST_F(WatchdogTest, GracePeriodAwaitedInsideAReadSectionIsADeadlock) {
  TaskSlot& adder = AddActor("adder-0");
  TaskSlot& deleter = AddActor("deleter-0");
  each_look_ = [&] { deleter.progress.fetch_add(1); };
  adder.task.waiting.store("synchronize_rcu");
  EXPECT_FALSE(LookFor(200));
  adder.task.rcu_nesting.store(1);
  auto alarm = LookFor(250);
  ASSERT_TRUE(alarm);
  EXPECT_EQ(alarm->kind, Kind::kDeadlock);
}

// The engine is exact where these would depend on a clock.
TEST_F(WatchdogTest, InExploreOnlyACourseThatStandsStillIsAnAlarm) {
  r().explore.began_ns.store(1);
  TaskSlot& adder = AddActor("adder-0");
  TaskSlot& deleter = AddActor("deleter-0");
  Do(adder, {Verb::k_add, 17, 4, 1, 0});
  Hold(adder, &a_, "nlru->lock");
  Wait(adder, &a_, "nlru->lock");
  each_look_ = [&] { deleter.progress.fetch_add(1); };
  EXPECT_FALSE(LookFor(2 * config_.stall_ms));
  // No operation ends, but its steps do: steps_max says for how long.
  each_look_ = [&] { r().explore.counts.steps++; };
  EXPECT_FALSE(LookFor(2 * config_.stall_ms));
  each_look_ = nullptr;
  auto alarm = LookFor(2 * config_.stall_ms);
  ASSERT_TRUE(alarm);
  EXPECT_EQ(alarm->kind, Kind::kStall);
  std::string step = std::to_string(r().explore.counts.steps);
  EXPECT_NE(alarm->message.find("the step after point " + step + " has not"),
            std::string::npos)
      << alarm->message;
}

TEST_F(WatchdogTest, CycleThatComesAndGoesIsNone) {
  TaskSlot& adder = AddActor("adder-0");
  Hold(adder, &a_, "nlru->lock");
  Wait(adder, &a_, "nlru->lock");
  // As torn reads of two tasks that make progress may look.
  each_look_ = [&] { adder.progress.fetch_add(1); };
  EXPECT_FALSE(LookFor(5000));
}

TEST_F(WatchdogTest, OperationWithoutProgressIsAStallAndSaysWhy) {
  TaskSlot& adder = AddActor("adder-0");
  TaskSlot& deleter = AddActor("deleter-0");
  TaskSlot& worker = AddWorker("wq-offline");
  Idle(worker);
  Do(adder, {Verb::k_add, 17, 0, 0, -1});
  Wait(adder, &a_, "nlru->lock");
  Hold(deleter, &a_, "nlru->lock");
  each_look_ = [&] { deleter.progress.fetch_add(1); };
  auto alarm = LookFor(1000);
  ASSERT_TRUE(alarm);
  EXPECT_EQ(alarm->kind, Kind::kStall);
  EXPECT_EQ(alarm->task, adder.task.id);
  EXPECT_GE(passed_ms_, 300u);
  EXPECT_LE(passed_ms_, 400u);
  EXPECT_NE(alarm->message.find("adder-0, doing `add o17`, has made no "
                                "progress for 300 ms: it waits for nlru->lock "
                                "(lru 1, nid 0) held by deleter-0"),
            std::string::npos)
      << alarm->message;
}

TEST_F(WatchdogTest, AGracePeriodThatDoesNotEndNamesWhoIsReading) {
  TaskSlot& callbacks = AddWorker("rcu-callbacks");
  callbacks.task.waiting.store("synchronize_rcu");
  TaskSlot& walker = AddActor("walker-0");
  Do(walker, {Verb::k_walk_one, 0, 9, 1, 0});
  walker.task.rcu_nesting.store(1);
  TaskSlot& adder = AddActor("adder-0");
  each_look_ = [&] {
    walker.progress.fetch_add(1);
    adder.progress.fetch_add(1);
  };
  auto alarm = LookFor(1000);
  ASSERT_TRUE(alarm);
  EXPECT_EQ(alarm->kind, Kind::kStall);
  EXPECT_NE(alarm->message.find("in a read section: walker-0, doing `walk_one "
                                "m9 l1 n0`"),
            std::string::npos)
      << alarm->message;
  EXPECT_EQ(alarm->message.find("adder-0"), std::string::npos);
}

TEST_F(WatchdogTest, WorkerStuckInItsWorkIsAStall) {
  TaskSlot& adder = AddActor("adder-0");
  AddWorker("wq-release");
  each_look_ = [&] { adder.progress.fetch_add(1); };
  auto alarm = LookFor(1000);
  ASSERT_TRUE(alarm);
  EXPECT_EQ(alarm->kind, Kind::kStall);
  EXPECT_NE(alarm->message.find("wq-release"), std::string::npos);
}

TEST_F(WatchdogTest, ProgressAndIdleWorkersRaiseNoAlarm) {
  TaskSlot& adder = AddActor("adder-0");
  Idle(AddWorker("wq-offline"));
  Idle(AddWorker("rcu-callbacks"));
  Do(adder, {Verb::k_add, 17, 0, 0, -1});
  each_look_ = [&] { adder.progress.fetch_add(1); };
  EXPECT_FALSE(LookFor(10'000));
}

TEST_F(WatchdogTest, NobodyMovingIsAStallEvenWithoutOperations) {
  AddActor("adder-0");
  auto alarm = LookFor(1000);
  ASSERT_TRUE(alarm);
  EXPECT_EQ(alarm->kind, Kind::kStall);
  EXPECT_GE(passed_ms_, 300u);
}

TEST_F(WatchdogTest, SetupIsGivenMoreTime) {
  Enter(Phase::kSetup);
  auto alarm = LookFor(5000);
  ASSERT_TRUE(alarm);
  EXPECT_NE(alarm->message.find("the setup has not ended"), std::string::npos);
  EXPECT_GE(passed_ms_, 1200u);
  EXPECT_LE(passed_ms_, 1300u);
}

TEST_F(WatchdogTest, PausesAndFaultsOfThePlanAreNoStalls) {
  config_.actors = {{.type = "adder", .pause_us = 500'000}};
  config_.faults.resize(1);
  config_.faults[0].delay = Delay{1, 700'000};
  AddActor("adder-0");
  EXPECT_FALSE(LookFor(300 + 1000 + 600));
  EXPECT_TRUE(LookFor(500));
}

TEST_F(WatchdogTest, QuietPhaseThatNeverConvergesNamesTheStage) {
  Idle(AddWorker("wq-offline"));
  RecordPoint(lru::FP_css_dying_set, Site(5));
  Enter(Phase::kQuiet);
  auto alarm = LookFor(1000);
  ASSERT_TRUE(alarm);
  EXPECT_EQ(alarm->message,
            "teardown has not come to its end in the quiet phase for 300 ms; "
            "memcg 5 is at css_dying_set");
}

// A worker that goes round and round in a broken tree.
TEST_F(WatchdogTest, QuietPhaseThatGoesOnForEverIsAStall) {
  TaskSlot& adder = AddActor("adder-0");
  Enter(Phase::kQuiet);
  auto go_on = [&](uint64_t ms) {
    for (; ms >= kLookMs; ms -= kLookMs) {
      adder.progress.fetch_add(1);
      if (auto alarm = LookFor(0)) return alarm;
    }
    return std::optional<Alarm>();
  };
  uint64_t limit =
      config_.quiet_ms + Watchdog::kStallsOfEnding * config_.stall_ms;
  EXPECT_FALSE(go_on(limit));
  Enter(Phase::kTotals);
  EXPECT_FALSE(go_on(limit));
  auto alarm = go_on(2 * kLookMs);
  ASSERT_TRUE(alarm);
  EXPECT_EQ(alarm->kind, Kind::kStall);
  EXPECT_THAT(alarm->message, testing::HasSubstr("though tasks go on"));
}

TEST_F(WatchdogTest, QuietTimeAskedForIsNoStall) {
  config_.quiet_ms = 5000;
  Enter(Phase::kQuiet);
  EXPECT_FALSE(LookFor(5000));
}

TEST_F(WatchdogTest, SilentAfterTheEndAndAfterAFinding) {
  TaskSlot& adder = AddActor("adder-0");
  Do(adder, {Verb::k_add, 1, 0, 0, -1});
  Enter(Phase::kDone);
  EXPECT_FALSE(LookFor(5000));
  Enter(Phase::kRun);
  r().freeze.store(1);
  EXPECT_FALSE(LookFor(5000));
}

// A supervisor that slept for an hour makes one look, and one look is 20 ms.
TEST_F(WatchdogTest, TimeIsCountedInLooks) {
  Do(AddActor("adder-0"), {Verb::k_add, 1, 0, 0, -1});
  for (int i = 0; i < 14; i++) {
    EXPECT_FALSE(watchdog().Look(r(), kLookMs)) << i;
  }
}

}  // namespace
}  // namespace harness
