// ctest: ordered
#include "harness/explore/fiber_engine.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "lru/sync/completion.h"
#include "lru/sync/spinlock.h"
#include "lru/sync/workqueue.h"

namespace harness::explore {
namespace {

using lru::task;

uint32_t never = 0;
// With status 0, which no other end of a death test has: not even a crash.
void SayDeadlock() {
  fprintf(stderr, "deadlock\n");
  std::_Exit(0);
}
void SayTooMany() {
  fprintf(stderr, "too many steps\n");
  std::_Exit(0);
}
void SayStopped() {
  fprintf(stderr, "stopped\n");
  std::_Exit(0);
}

// Schedules of a few tasks, chosen by a strategy.
class Model {
 public:
  explicit Model(const char* strategy, uint64_t seed = 1)
      : strategy_(NewStrategy(strategy, seed)), seed_(seed) {
    StartEngine({.deadlocked = SayDeadlock,
                 .too_many_steps = SayTooMany,
                 .stopped = SayStopped,
                 .stop = &never});
  }
  ~Model() { StopEngine(); }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  using Body = std::function<void()>;
  // False: the strategy has no other schedule.
  bool Run(uint64_t index, const std::vector<Body>& bodies,
           uint64_t steps_max = 1'000'000) {
    if (!strategy_->Begin(index, seed_ + index)) return false;
    RunWith(*strategy_, bodies, &log_, steps_max);
    strategy_->End(counts_.steps, counts_.choices);
    return true;
  }
  // The schedule before, from its record.
  ScheduleCounts Replay(const std::vector<Body>& bodies) {
    ScheduleReplay replay(log_.runs, log_.size);
    replay.Begin(0, 0);
    RunWith(replay, bodies, nullptr, 1'000'000);
    replay.End(counts_.steps, counts_.choices);
    EXPECT_FALSE(replay.diverged());
    return counts_;
  }
  // Whether that schedule with another fiber at one choice is told from it.
  bool TellsFlipped(const std::vector<Body>& bodies, uint64_t choice,
                    uint32_t fiber) {
    uint64_t hash = counts_.hash;
    std::vector<ScheduleRun> runs;
    for (uint32_t i = 0; i < log_.size; i++) {
      for (uint32_t n = 0; n < log_.runs[i].count; n++) {
        bool flip = runs.size() == choice;
        if (flip && fiber == log_.runs[i].fiber) return true;
        runs.push_back({flip ? fiber : log_.runs[i].fiber, 1});
      }
    }
    ScheduleReplay replay(runs.data(), runs.size());
    replay.Begin(0, 0);
    RunWith(replay, bodies, nullptr, 1'000'000);
    bool told = replay.left_record() || counts_.hash != hash;
    counts_.hash = hash;
    return told;
  }
  uint64_t choices() const { return log_.choices; }
  const ScheduleCounts& counts() const { return counts_; }
  Strategy& strategy() { return *strategy_; }

 private:
  void RunWith(Strategy& strategy, const std::vector<Body>& bodies,
               ScheduleLog* log, uint64_t steps_max) {
    if (log) log->Clear();
    lru::restart_numbering();
    lru::task_adopt("main");
    BeginSchedule(&counts_, log, steps_max);
    std::vector<task*> tasks;
    for (const Body& body : bodies) {
      tasks.push_back(lru::task_start(
          "t", [](void* arg) { (*static_cast<const Body*>(arg))(); },
          const_cast<Body*>(&body)));
    }
    SetStrategy(&strategy);
    for (task* t : tasks) lru::task_join(t);
    SetStrategy(nullptr);
    lru::task_disown();
  }
  std::unique_ptr<Strategy> strategy_;
  uint64_t seed_;
  ScheduleCounts counts_ = {};
  ScheduleLog log_ = {};
};

// What happened, in its order. Relaxed: fibers take turns, but nothing tells
// TSan so.
class Trace {
 public:
  void operator+=(char letter) {
    letters_[size_.fetch_add(1, std::memory_order_relaxed)].store(
        letter, std::memory_order_relaxed);
  }
  // While no fiber runs; begins anew.
  std::string Take() {
    std::string text(letters_.begin(), letters_.begin() + size_.exchange(0));
    return text;
  }

 private:
  std::array<std::atomic<char>, 64> letters_ = {};
  std::atomic<size_t> size_ = 0;
};

TEST(FiberEngine, EverySeedIsAScheduleAndTheSameOneAgain) {
  Model model("random");
  Trace trace;
  std::vector<Model::Body> bodies;
  for (char letter : {'a', 'b', 'c'}) {
    bodies.push_back([&trace, letter] {
      for (int i = 0; i < 3; i++) {
        lru::task_yield();
        trace += letter;
      }
    });
  }
  std::set<std::string> traces;
  for (uint64_t index = 0; index < 200; index++) {
    ASSERT_TRUE(model.Run(index, bodies));
    std::string first = trace.Take();
    uint64_t hash = model.counts().hash;
    EXPECT_EQ(model.Replay(bodies).hash, hash);
    EXPECT_EQ(trace.Take(), first);
    traces.insert(first);
  }
  // 9!/(3!)^3 = 1,680 there are: 200 draws hit far more than 50 of them.
  EXPECT_GT(traces.size(), 50u);
}

// Two tasks of some operations each, and main, which joins the first and then
// the second and so can run once in between: all interleavings with at most P
// preemptions, counted by trying every sequence.
constexpr int kMainTask = 2;
uint64_t CountBySequences(std::array<int, 2> left, bool main_waits_for_first,
                          int current, int preemptions) {
  if (left[0] == 0 && left[1] == 0) return 1;
  bool main_can = main_waits_for_first && left[0] == 0;
  bool current_can = current < kMainTask && left[current] > 0;
  uint64_t sum = 0;
  for (int next = 0; next <= kMainTask; next++) {
    if (next == kMainTask ? !main_can : left[next] == 0) continue;
    bool preempts = current_can && next != current;
    if (preempts && preemptions == 0) continue;
    std::array<int, 2> rest = left;
    if (next != kMainTask) rest[next]--;
    sum += CountBySequences(rest, main_waits_for_first && next != kMainTask,
                            next, preemptions - preempts);
  }
  return sum;
}

// What tasks do is only seen between two points, so an operation is a point and
// what follows it up to the next; a task begins by running up to its first.
TEST(FiberEngine, DfsIsExhaustiveAndCountsEachScheduleOnce) {
  for (int preemptions = 0; preemptions <= 2; preemptions++) {
    Model model(("dfs:" + std::to_string(preemptions)).c_str());
    Trace trace;
    std::atomic<int> word = 0;
    auto body = [&](char letter) {
      return [&trace, &word, letter] {
        for (int i = 0; i < 2; i++) {
          trace += letter;
          lru::sync_point(lru::SYNC_store, "test", &word);
        }
        trace += letter;
      };
    };
    std::set<std::string> traces;
    uint64_t schedules = 0;
    while (model.Run(schedules, {body('a'), body('b')})) {
      schedules++;
      traces.insert(trace.Take());
      ASSERT_LT(schedules, 10'000u);
    }
    EXPECT_TRUE(model.strategy().exhausted());
    EXPECT_FALSE(model.strategy().diverged());
    uint64_t expected = CountBySequences({3, 3}, true, kMainTask, preemptions);
    EXPECT_EQ(schedules, expected) << preemptions << " preemptions";
    // When main looks at the first task's end leaves no trace.
    EXPECT_LT(traces.size(), expected);
  }
}

// Locks that are fought for, waits that end early, tasks that end: whatever is
// chosen passes a point before the next choice.
TEST(FiberEngine, EveryChoiceIsInTheHash) {
  Model model("random");
  lru::spinlock_t lock;
  auto fighter = [&] {
    for (int i = 0; i < 2; i++) {
      lru::spin_lock(&lock);
      lru::cpu_relax();
      lru::spin_unlock(&lock);
    }
  };
  auto reader = [&] { lru::rcu_guard guard; };
  auto writer = [&] { lru::synchronize_rcu(); };
  std::vector<Model::Body> bodies = {fighter, fighter, fighter, reader, writer};
  for (uint64_t index = 0; index < 20; index++) {
    ASSERT_TRUE(model.Run(index, bodies));
    for (uint64_t choice = 0; choice < model.choices(); choice++) {
      for (uint32_t fiber = 0; fiber <= bodies.size(); fiber++) {
        EXPECT_TRUE(model.TellsFlipped(bodies, choice, fiber))
            << "schedule " << index << " choice " << choice << " to " << fiber;
      }
    }
  }
}

// Of three who are woken by an unlock one takes the lock: the two others are
// not offered as a choice while it is held, the first time.
TEST(FiberEngine, WhoWasWokenAndCameTooLateWaitsOn) {
  Model model("random");
  lru::spinlock_t lock;
  auto fighter = [&] {
    lru::spin_lock(&lock);
    for (int i = 0; i < 5; i++) lru::cpu_relax();
    lru::spin_unlock(&lock);
  };
  for (uint64_t index = 0; index < 200; index++) {
    ASSERT_TRUE(model.Run(index, {fighter, fighter, fighter, fighter}));
    // Each of four: before and after lock and unlock, 5 in between, its end;
    // blocked at most once, but for the last. Main: blocked once for each.
    EXPECT_LE(model.counts().steps, 4u * (4 + 5 + 1) + 3 + 1 + 4);
  }
}

TEST(FiberEngine, AGracePeriodEndsWithTheLastReaderThatWasInside) {
  Model model("random");
  for (uint64_t index = 0; index < 500; index++) {
    std::atomic<int> published = 1, freed = 0, inside = 0, seen_freed = 0;
    auto reader = [&] {
      lru::rcu_guard guard;
      bool found = lru::READ_ONCE(published) != 0;
      inside++;
      for (int i = 0; i < 3; i++) lru::cpu_relax();
      if (found && freed) seen_freed++;
      inside--;
    };
    auto writer = [&] {
      lru::WRITE_ONCE(published, 0);
      lru::synchronize_rcu();
      freed = 1;
    };
    ASSERT_TRUE(model.Run(index, {reader, reader, writer}));
    EXPECT_EQ(seen_freed, 0) << "schedule " << index;
  }
}

// A new reader is not waited for: or one that never leaves would keep it.
TEST(FiberEngine, AGracePeriodDoesNotWaitForThoseWhoCameLater) {
  Model model("random");
  int overtaken = 0;
  for (uint64_t index = 0; index < 200; index++) {
    std::atomic<int> over = 0;
    bool ended_inside = false;
    auto late = [&] {
      lru::task_yield();
      lru::rcu_guard guard;
      for (int i = 0; i < 50 && !ended_inside; i++) {
        lru::cpu_relax();
        ended_inside = over.load() != 0;
      }
    };
    ASSERT_TRUE(model.Run(index, {[&] {
                                    lru::synchronize_rcu();
                                    over = 1;
                                  },
                                  late}));
    overtaken += ended_inside;
  }
  EXPECT_GT(overtaken, 0);
}

TEST(FiberEngine, QueuesCallbacksAndTimeAreFibersAndVirtual) {
  Model model("pct:2");
  for (uint64_t index = 0; index < 100; index++) {
    int runs = 0;
    uint64_t slept = 0;
    auto body = [&] {
      lru::rcu_init();
      lru::workqueue_struct* wq = lru::alloc_workqueue("wq-test");
      static int* counter;
      counter = &runs;
      struct lru::rcu_work rwork;
      INIT_RCU_WORK(&rwork, [](lru::work_struct*) { ++*counter; });
      lru::queue_rcu_work(wq, &rwork);
      lru::rcu_barrier();
      lru::flush_workqueue(wq);
      uint64_t before = lru::now_ns();
      lru::sleep_ns(3'600'000'000'000);
      slept = lru::now_ns() - before;
      lru::destroy_workqueue(wq);
      lru::rcu_exit();
    };
    ASSERT_TRUE(model.Run(index, {body}));
    EXPECT_EQ(runs, 1);
    EXPECT_GE(slept, 3'600'000'000'000u);
  }
}

TEST(FiberEngine, WhoSleepsLongerWakesLater) {
  Model model("random");
  for (uint64_t index = 0; index < 50; index++) {
    Trace order;
    auto sleeper = [&](uint64_t us, char letter) {
      return [&order, us, letter] {
        lru::sleep_ns(us * 1000);
        order += letter;
      };
    };
    ASSERT_TRUE(model.Run(
        index, {sleeper(9000, 'c'), sleeper(1, 'a'), sleeper(3000, 'b')}));
    EXPECT_EQ(order.Take(), "abc");
  }
}

class FiberEngineDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

void LockBothWays() {
  Model model("random");
  lru::mutex first("first"), second("second");
  auto take = [](lru::mutex* x, lru::mutex* y) {
    return [x, y]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      mutex_lock(x);
      mutex_lock(y);
      mutex_unlock(y);
      mutex_unlock(x);
    };
  };
  for (uint64_t index = 0; index < 1000; index++) {
    model.Run(index, {take(&first, &second), take(&second, &first)});
  }
}

// TSan reports the inversion of the locks as well, and then ends with 66.
TEST_F(FiberEngineDeathTest, NobodyCanRunIsADeadlockAtOnce) {
  EXPECT_EXIT(
      LockBothWays(),
      [](int status) {
        return WIFEXITED(status) &&
               (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 66);
      },
      "deadlock");
}

TEST_F(FiberEngineDeathTest, ALivelockEndsAtTheBound) {
  auto spin = [] {
    Model model("random");
    std::atomic<int> never_set = 0;
    model.Run(0, {[&] {
                while (!lru::READ_ONCE(never_set)) lru::cpu_relax();
              }},
              5000);
  };
  EXPECT_EXIT(spin(), testing::ExitedWithCode(0), "too many steps");
}

TEST_F(FiberEngineDeathTest, StopsAtThePointAfterAFinding) {
  auto find = [] {
    Model model("random");
    model.Run(0, {[&] {
                never = 1;
                lru::task_yield();
                abort();
              }});
  };
  EXPECT_EXIT(find(), testing::ExitedWithCode(0), "stopped");
}

TEST_F(FiberEngineDeathTest, AStackThatOverflowsMeetsItsGuard) {
  struct Deep {
    static int Down(int n) {
      volatile char page[4096] = {};
      page[n % 4096] = 1;
      return n <= 0 ? page[0] : Down(n - 1) + page[1];
    }
  };
  auto overflow = [] {
    Model model("random");
    model.Run(0, {[] { fprintf(stderr, "%d", Deep::Down(100'000)); }});
  };
  EXPECT_DEATH(overflow(), "");
}

#if defined(LRU_TSAN)
// Controls of (E3). Two fibers touch one plain word, never at the same time;
// TSan ends a process in which it has reported something with 66.
struct Word {
  long value = 0;
};
using Touch = void (*)(Word&);
void RunTwo(Touch touch, int schedules) {
  Model model("random");
  for (int index = 0; index < schedules; index++) {
    auto word = std::make_unique<Word>();
    model.Run(index, {[&] { touch(*word); }, [&] { touch(*word); }});
  }
  exit(0);
}
void TouchPlain(Word& word) {
  lru::task_yield();
  word.value++;
  lru::task_yield();
}
void TouchLocked(Word& word) {
  static lru::spinlock_t lock;
  lru::spin_guard guard(&lock);
  lru::task_yield();
  word.value++;
}
// Each under a lock of its own: as good as none.
void TouchUnderAnother(Word& word) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  static lru::spinlock_t locks[64];
  lru::spinlock_t* lock = &locks[lru::current_task()->id % 64];
  spin_lock(lock);
  word.value++;
  spin_unlock(lock);
  lru::task_yield();
}

TEST_F(FiberEngineDeathTest, TsanSeesARaceOfTasksThatTakeTurns) {
  EXPECT_EXIT(RunTwo(TouchPlain, 5), testing::ExitedWithCode(66), "data race");
  EXPECT_EXIT(RunTwo(TouchUnderAnother, 5), testing::ExitedWithCode(66),
              "data race");
}
TEST_F(FiberEngineDeathTest, TsanSeesNoRaceWhereALockOrders) {
  EXPECT_EXIT(RunTwo(TouchLocked, 200), testing::ExitedWithCode(0), "");
}

// A grace period acquires from all readers; a section that has ended before
// its use orders nothing.
void ReadAndFree(bool inside) {
  Model model("random");
  for (int index = 0; index < 300; index++) {
    std::atomic<Word*> published = new Word;
    auto reader = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      lru::rcu_read_lock();
      Word* word = lru::rcu_dereference(published);
      if (!inside) lru::rcu_read_unlock();
      lru::task_yield();
      if (word && inside) EXPECT_GE(word->value, 0);
      if (word && !inside) (void)*const_cast<volatile long*>(&word->value);
      if (inside) lru::rcu_read_unlock();
    };
    auto writer = [&] {
      Word* word = published.exchange(nullptr);
      lru::synchronize_rcu();
      delete word;
    };
    model.Run(index, {reader, reader, writer});
  }
  exit(0);
}
TEST_F(FiberEngineDeathTest, TsanSeesNoRaceOfAReaderWithTheFree) {
  EXPECT_EXIT(ReadAndFree(true), testing::ExitedWithCode(0), "");
}
TEST_F(FiberEngineDeathTest, TsanSeesAUseBehindTheReadSection) {
  EXPECT_EXIT(ReadAndFree(false), testing::ExitedWithCode(66),
              "data race|use-after-free");
}
// Creation and joining order as with threads: main's plain writes before and
// reads after are no race.
TEST_F(FiberEngineDeathTest, TsanSeesCreationAndJoin) {
  auto run = [] {
    Model model("random");
    for (int index = 0; index < 100; index++) {
      Word word;
      word.value = index;
      model.Run(index, {[&] { word.value++; }});
      if (word.value != index + 1) abort();
    }
    exit(0);
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(0), "");
}
#endif

}  // namespace
}  // namespace harness::explore
