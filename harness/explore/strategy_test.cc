#include "harness/explore/strategy.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harness/config_names.h"
#include "harness/plan.h"

namespace harness::explore {
namespace {

using ::testing::ElementsAre;

constexpr uint32_t kCreator = kFibersMax - 1;  // has ended when tasks start
constexpr size_t kStepsMax = 1000;

// A program is a word for each task, a letter for each step:
//   .  does nothing          s  sets the flag
//   (  takes the lock        w  blocks until the flag is set
//   )  releases it           y  spins until the flag is set, and yields
using Program = std::vector<std::string>;

class Machine {
 public:
  explicit Machine(const Program& program)
      : program_(program), next_(program.size()) {}

  bool Runnable(uint32_t task) const {
    char op = Op(task);
    return op != '\0' && !(op == '(' && locked_) && !(op == 'w' && !flag_);
  }
  uint64_t RunnableSet() const {
    uint64_t set = 0;
    for (uint32_t t = 0; t < program_.size(); ++t) {
      if (Runnable(t)) set |= uint64_t{1} << t;
    }
    return set;
  }
  // False: it has spun in vain.
  bool Step(uint32_t task) {
    char op = Op(task);
    if (op == 'y' && !flag_) return false;
    if (op == '(') locked_ = true;
    if (op == ')') locked_ = false;
    if (op == 's') flag_ = true;
    next_[task]++;
    return true;
  }

 private:
  char Op(uint32_t task) const {
    return next_[task] < program_[task].size() ? program_[task][next_[task]]
                                               : '\0';
  }
  Program program_;
  std::vector<size_t> next_;
  bool locked_ = false;
  bool flag_ = false;
};

// A schedule as text: a digit for each step, a letter for one spun in vain.
struct Driven {
  std::string steps = {};
  uint64_t choices = 0;
};

// One schedule, as the engine does it. `log` may be null.
Driven Drive(Strategy& strategy, const Program& program,
             ScheduleLog* log = nullptr) {
  Machine machine(program);
  Driven driven;
  uint32_t current = kCreator;
  bool yields = false;
  while (driven.steps.size() < kStepsMax) {
    uint64_t runnable = machine.RunnableSet();
    if (runnable == 0) break;
    ChoicePoint point = {.runnable = runnable,
                         .current = current,
                         .yields = yields,
                         .step = driven.steps.size()};
    if ((runnable & (runnable - 1)) == 0) {
      current = static_cast<uint32_t>(__builtin_ctzll(runnable));
    } else {
      current = strategy.Choose(point);
      driven.choices++;
      if (log) log->Append(current);
    }
    EXPECT_TRUE(current < kFibersMax && ((runnable >> current) & 1));
    yields = !machine.Step(current);
    driven.steps += static_cast<char>((yields ? 'a' : '0') + current);
  }
  strategy.End(driven.steps.size(), driven.choices);
  return driven;
}

std::unique_ptr<Strategy> New(const std::string& name, uint64_t run_seed = 1) {
  return std::unique_ptr<Strategy>(NewStrategy(name.c_str(), run_seed));
}

Program Independent(size_t tasks, size_t steps) {
  return Program(tasks, std::string(steps, '.'));
}

// --- dfs, against all interleavings ------------------------------------------

// Every interleaving, whatever its preemptions.
void Enumerate(const Machine& machine, size_t tasks, std::string& steps,
               const std::function<void(const std::string&)>& found) {
  if (machine.RunnableSet() == 0) found(steps);
  for (uint32_t t = 0; t < tasks; ++t) {
    if (!machine.Runnable(t)) continue;
    Machine after = machine;
    after.Step(t);
    steps += static_cast<char>('0' + t);
    Enumerate(after, tasks, steps, found);
    steps.pop_back();
  }
}

uint32_t Preemptions(const Program& program, const std::string& steps) {
  Machine machine(program);
  uint32_t preemptions = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    uint32_t before = i == 0 ? 0 : static_cast<uint32_t>(steps[i - 1] - '0');
    preemptions +=
        i > 0 && steps[i] != steps[i - 1] && machine.Runnable(before);
    machine.Step(static_cast<uint32_t>(steps[i] - '0'));
  }
  return preemptions;
}

std::vector<std::string> Bounded(const Program& program, uint32_t bound) {
  std::vector<std::string> all;
  std::string steps = {};
  Enumerate(Machine(program), program.size(), steps,
            [&](const std::string& found) {
              if (Preemptions(program, found) <= bound) all.push_back(found);
            });
  return all;
}

std::vector<std::string> Dfs(const Program& program, uint32_t bound) {
  auto dfs = New("dfs:" + std::to_string(bound));
  std::vector<std::string> all;
  while (dfs->Begin(all.size(), 0)) {
    EXPECT_FALSE(dfs->exhausted());
    all.push_back(Drive(*dfs, program).steps);
  }
  EXPECT_TRUE(dfs->exhausted());
  EXPECT_FALSE(dfs->diverged());
  EXPECT_FALSE(dfs->Begin(all.size(), 0));
  return all;
}

std::vector<std::string> Sorted(std::vector<std::string> all) {
  std::sort(all.begin(), all.end());
  return all;
}

class DfsTest : public ::testing::TestWithParam<Program> {};

TEST_P(DfsTest, RunsExactlyTheSchedulesWithinItsBoundAndEachOnce) {
  for (uint32_t bound = 0; bound <= 3; ++bound) {
    std::vector<std::string> all = Sorted(Bounded(GetParam(), bound));
    EXPECT_EQ(Sorted(Dfs(GetParam(), bound)), all) << bound;
  }
}
INSTANTIATE_TEST_SUITE_P(
    Programs, DfsTest,
    ::testing::Values(Independent(1, 3), Independent(2, 1), Independent(2, 6),
                      Independent(3, 3), Independent(4, 2),
                      Program{"...", ".", ".."},            // of unequal length
                      Program{"(.)", "(.)"},                // a lock
                      Program{".(.)", "(.)", "(.)."},       // two wait for it
                      Program{"w.", "..s."},                // blocks, is woken
                      Program{".w.", ".w.", ".s."},         // two are woken
                      Program{"(w)", "(s)"},                // may deadlock
                      Program{"w", "w."},                   // always does
                      Program{"(.).", ".(s)", "w(.)", "w"}  // all of it
                      ));

TEST(DfsCountTest, IsWhatCombinatoricsSay) {
  EXPECT_EQ(Dfs(Independent(2, 1), 0).size(), 2u);
  EXPECT_EQ(Dfs(Independent(4, 3), 0).size(), 24u);   // 4!
  EXPECT_EQ(Dfs(Independent(2, 5), 9).size(), 252u);  // 10 over 5
  EXPECT_EQ(Dfs(Independent(3, 2), 9).size(), 90u);   // 6! / 2!^3
  // One preemption: first task and where it stops, then the other; 2 (1 + 5).
  EXPECT_EQ(Dfs(Independent(2, 6), 1).size(), 12u);
}

TEST(DfsOrderTest, GoesOnFirstThenByNumber) {
  EXPECT_THAT(Dfs({"..", ".", "."}, 1),
              ElementsAre("0012", "0021", "0102", "0120", "0201", "0210",
                          "1002", "1020", "1200", "2001", "2010", "2100"));
}

// Every schedule of a program that spins, with the fairness of Musuvathi and
// Qadeer as they wrote it down: sets for each task, brought up to date at each
// step, choice or not.
struct FairState {
  Machine machine;
  uint32_t current = kCreator;
  bool yields = false;
  uint32_t preemptions = 0;
  std::string steps = {};
  std::vector<uint64_t> enabled = {}, scheduled = {},
                        waits_for = {};  // E, S, P
};

void EnumerateFair(FairState state, uint32_t bound,
                   std::vector<std::string>& all) {
  uint64_t runnable = state.machine.RunnableSet();
  if (runnable == 0) all.push_back(state.steps);
  size_t tasks = state.enabled.size();
  uint32_t current = state.current;
  bool stays = current < tasks && ((runnable >> current) & 1);
  for (size_t t = 0; t < tasks; ++t) {
    state.enabled[t] &= runnable;
    state.waits_for[t] &= runnable;
  }
  if (state.yields) {
    state.waits_for[current] =
        state.enabled[current] & ~state.scheduled[current];
    state.enabled[current] = runnable;
    state.scheduled[current] = 0;
    if (runnable & (runnable - 1)) stays = false;
  }
  for (uint32_t t = 0; t < tasks; ++t) {
    uint64_t bit = uint64_t{1} << t;
    if (!(runnable & bit)) continue;
    if (runnable & (runnable - 1)) {
      if (state.yields && t == current) continue;
      if (state.waits_for[t] != 0 && !(stays && t == current)) continue;
    }
    FairState after = state;
    if (stays && t != current && ++after.preemptions > bound) continue;
    for (size_t other = 0; other < tasks; ++other) {
      after.scheduled[other] |= bit;
      after.waits_for[other] &= ~bit;
    }
    after.waits_for[t] = 0;
    after.yields = !after.machine.Step(t);
    after.steps += static_cast<char>((after.yields ? 'a' : '0') + t);
    after.current = t;
    EnumerateFair(std::move(after), bound, all);
  }
}

TEST(DfsYieldTest, RunsExactlyTheFairSchedules) {
  for (const Program& program :
       {Program{"y.", "..s"}, Program{"y", "y", ".s"},
        Program{".y.", "y.", "s"}, Program{"y", "y", ".", "s"},
        Program{"y", "w.", "..s"}, Program{"y", "(.).", "(s)"},
        Program{"y", ".", "(.)", "(s"}}) {
    std::vector<uint64_t> everybody(program.size(), ~uint64_t{0});
    for (uint32_t bound = 0; bound <= 3; ++bound) {
      std::vector<std::string> all;
      EnumerateFair({.machine = Machine(program),
                     .enabled = everybody,
                     .scheduled = everybody,
                     .waits_for = std::vector<uint64_t>(program.size())},
                    bound, all);
      EXPECT_EQ(Sorted(Dfs(program, bound)), Sorted(all)) << bound;
    }
  }
}

// Fiber 0 yields twice without 2 having run. It has to wait for it, but not
// when there were points between at which 2 could not run.
TEST(DfsYieldTest, PointsWithoutAChoiceEndAllWaiting) {
  for (uint64_t gap : {0, 1}) {
    auto dfs = New("dfs:0");
    dfs->Begin(0, 0);
    ChoicePoint point = {.runnable = 7, .current = 0, .yields = true};
    EXPECT_EQ(dfs->Choose(point), 1u);
    point.step = 1 + gap;
    EXPECT_EQ(dfs->Choose(point), 1u);
    point.current = 1;
    point.step++;
    EXPECT_EQ(dfs->Choose(point), gap == 0 ? 2u : 0u);
  }
}

// As if it blocked: every order of what is done, for every bound, and an end.
TEST(DfsYieldTest, SpinningHidesNoScheduleAndComesToAnEnd) {
  for (const Program& program :
       {Program{"y.", "..s"}, Program{"y", "y", ".s"},
        Program{".y.", "y.", "s"}, Program{"y", "y", "y", "s"},
        Program{".y", ".y", "..", "s"}}) {
    Program blocking = program;
    for (std::string& task : blocking) {
      std::replace(task.begin(), task.end(), 'y', 'w');
    }
    for (uint32_t bound = 0; bound <= 3; ++bound) {
      std::set<std::string> orders;
      for (std::string steps : Dfs(program, bound)) {
        EXPECT_LT(steps.size(), 60u) << steps;
        steps.erase(std::remove_if(steps.begin(), steps.end(),
                                   [](char c) { return c >= 'a'; }),
                    steps.end());
        orders.insert(steps);
      }
      std::vector<std::string> all = Bounded(blocking, bound);
      EXPECT_EQ(orders, std::set<std::string>(all.begin(), all.end()));
    }
  }
}

TEST(DfsDivergenceTest, AnotherRunnableSetIsTold) {
  auto dfs = New("dfs:2");
  ASSERT_TRUE(dfs->Begin(0, 0));
  Drive(*dfs, {"...", "..."});
  ASSERT_TRUE(dfs->Begin(1, 0));
  EXPECT_FALSE(dfs->diverged());
  Drive(*dfs, {"...", "...", "."});
  ASSERT_TRUE(dfs->diverged());
  EXPECT_EQ(dfs->divergence().choice, 0u);
  EXPECT_STREQ(dfs->divergence().what,
               "other fibers can run than did before, or another one is there");
  EXPECT_FALSE(dfs->exhausted());
  EXPECT_FALSE(dfs->Begin(2, 0));
}

// Of three choices the last is another, so that the first two are given.
TEST(DfsDivergenceTest, AnotherCurrentFiberOrYieldIsTold) {
  for (bool yields : {false, true}) {
    auto dfs = New("dfs:9");
    ChoicePoint point = {.runnable = 7, .current = 2};
    for (uint64_t index = 0; index < 2; ++index) {
      ASSERT_TRUE(dfs->Begin(index, 0));
      for (point.step = 0; point.step < 3; ++point.step) dfs->Choose(point);
      dfs->End(3, 3);
    }
    ASSERT_FALSE(dfs->diverged());
    ASSERT_TRUE(dfs->Begin(2, 0));
    point.step = 0;
    dfs->Choose(point);
    point.step = 1;
    if (yields) {
      point.yields = true;
    } else {
      point.current = 1;
    }
    dfs->Choose(point);
    EXPECT_TRUE(dfs->diverged());
    EXPECT_EQ(dfs->divergence().choice, 1u);
  }
}

TEST(DfsDivergenceTest, InTheLastScheduleNothingIsExhausted) {
  auto dfs = New("dfs:0");
  ASSERT_TRUE(dfs->Begin(0, 0));
  Drive(*dfs, {".", "."});
  ASSERT_TRUE(dfs->Begin(1, 0));
  Drive(*dfs, {".", ".", "."});
  EXPECT_TRUE(dfs->diverged());
  EXPECT_FALSE(dfs->exhausted());
}

TEST(DfsDivergenceTest, AnEarlierEndIsTold) {
  auto dfs = New("dfs:1");
  ASSERT_TRUE(dfs->Begin(0, 0));
  EXPECT_EQ(Drive(*dfs, {"...", "..."}).choices, 3u);
  ASSERT_TRUE(dfs->Begin(1, 0));  // turns to the other task at the third
  Drive(*dfs, {"..", ""});
  EXPECT_STREQ(dfs->divergence().what,
               "the schedule has ended earlier than before");
  EXPECT_FALSE(dfs->exhausted());
}

TEST(DfsDivergenceTest, WhatDoesNotFitIsNotExhausted) {
  auto dfs = New("dfs:0");
  ASSERT_TRUE(dfs->Begin(0, 0));
  for (uint64_t step = 0; step <= kDfsChoicesMax; ++step) {
    EXPECT_EQ(dfs->Choose({.runnable = 6, .current = 2, .step = step}), 2u);
  }
  dfs->End(kDfsChoicesMax + 1, kDfsChoicesMax + 1);
  EXPECT_FALSE(dfs->diverged());
  EXPECT_FALSE(dfs->exhausted());
  EXPECT_FALSE(dfs->Begin(1, 0));
}

// --- random ------------------------------------------------------------------

// Within five standard deviations of a binomial count.
void ExpectAbout(uint64_t count, uint64_t tries, double p) {
  double mean = static_cast<double>(tries) * p;
  EXPECT_NEAR(static_cast<double>(count), mean, 5 * std::sqrt(mean * (1 - p)));
}

TEST(RandomTest, WhoeverDoesNotGoOnIsFollowedByAnyone) {
  auto random = New("random");
  std::map<uint32_t, uint64_t> chosen;
  std::map<uint32_t, uint64_t> after_yield;
  for (uint64_t i = 0; i < 30'000; ++i) {
    random->Begin(i, i);
    ChoicePoint point = {.runnable = uint64_t{1} << 63 | 0b10110, .current = 0};
    chosen[random->Choose(point)]++;
    point.current = 4;
    point.yields = true;
    after_yield[random->Choose(point)]++;
  }
  EXPECT_EQ(chosen.size(), 4u);
  for (auto [fiber, count] : chosen) ExpectAbout(count, 30'000, 1.0 / 4);
  EXPECT_EQ(after_yield.size(), 3u);
  EXPECT_EQ(after_yield.count(4), 0u);
  for (auto [fiber, count] : after_yield) ExpectAbout(count, 30'000, 1.0 / 3);
}

TEST(RandomTest, SchedulesAreOfSixKinds) {
  auto random = New("random");
  constexpr uint64_t kSchedules = 600, kChoices = 16'000;
  std::map<int, uint64_t> kinds;  // by s: 1 - 2^-s stay
  for (uint64_t i = 0; i < kSchedules; ++i) {
    random->Begin(i, Mix64(i));
    uint64_t left = 0;
    for (uint64_t step = 0; step < kChoices; ++step) {
      left += random->Choose({.runnable = 0xFF, .current = 3}) != 3;
    }
    // Leaves with probability 2^-s * 7/8.
    double leaves = static_cast<double>(left) / kChoices * 8 / 7;
    kinds[static_cast<int>(std::lround(-std::log2(leaves)))]++;
  }
  EXPECT_EQ(kinds.size(), 6u);
  for (int s = 0; s < 6; ++s) ExpectAbout(kinds[s], kSchedules, 1.0 / 6);
}

TEST(RandomTest, FindsEveryScheduleOfASmallProgram) {
  auto random = New("random");
  std::set<std::string> found;
  for (uint64_t i = 0; i < 20'000; ++i) {
    random->Begin(i, i);
    found.insert(Drive(*random, Independent(2, 4)).steps);
  }
  EXPECT_EQ(found.size(), 70u);  // 8 over 4
}

// --- pct ---------------------------------------------------------------------

// How many of `schedules` are `bug`, which only this depth can make; and that
// they are no fewer than the bound says, by four standard deviations: a right
// pct misses that with 3e-5 for one set of seeds, and these are always the
// same.
uint64_t ExpectBound(uint32_t depth, const Program& program,
                     const std::function<bool(const std::string&)>& bug) {
  constexpr uint64_t kSchedules = 50'000;
  auto pct = New("pct:" + std::to_string(depth));
  uint64_t found = 0;
  for (uint64_t i = 0; i < kSchedules; ++i) {
    EXPECT_TRUE(pct->Begin(i, i));
    found += bug(Drive(*pct, program).steps);
  }
  const PctSeen& seen = *pct->pct();
  EXPECT_EQ(seen.fibers, program.size());
  EXPECT_GE(seen.schedules[depth], kSchedules - 100);
  double expected = static_cast<double>(kSchedules) *
                    PctBound(seen.fibers, seen.choices, depth);
  EXPECT_GE(static_cast<double>(found), expected - 4 * std::sqrt(expected))
      << "k " << seen.choices;
  return found;
}

TEST(PctTest, Depth1TheLastTaskBegins) {
  uint64_t found = ExpectBound(1, Independent(4, 4), [](const auto& steps) {
    return steps.substr(12) == "2222";
  });
  ExpectAbout(found, 50'000, 1.0 / 4);
}

// Nothing but the highest priority for task 0, and a change at one choice.
TEST(PctTest, Depth2ATaskStopsAtOneStepUntilAllOthersHaveEnded) {
  auto stops = [](const std::string& steps) {
    return steps.substr(0, 3) == "000" && steps.substr(13) == "00";
  };
  ExpectBound(2, Independent(3, 5), stops);
  auto pct = New("pct:1");
  for (uint64_t i = 0; i < 1000; ++i) {
    pct->Begin(i, i);
    EXPECT_FALSE(stops(Drive(*pct, Independent(3, 5)).steps));
  }
}

TEST(PctTest, Depth3TwoTasksStopAtOneStepEach) {
  ExpectBound(3, Independent(2, 6),
              [](const auto& steps) { return steps == "000111100011"; });
}

// As in the paper. Were each change the lowest so far, task 0, lowered first,
// would go on before task 1.
TEST(PctTest, AFiberLoweredLateMayStayAboveOneLoweredEarly) {
  constexpr uint64_t kSchedules = 50'000;
  auto pct = New("pct:3");
  uint64_t found = 0;
  for (uint64_t i = 0; i < kSchedules; ++i) {
    pct->Begin(i, i);
    found += Drive(*pct, {"....", "...", ".."}).steps == "001221100";
  }
  // One order of three, and two changes that are where they are.
  double k = static_cast<double>(pct->pct()->choices);
  ExpectAbout(found, kSchedules, 1 / (6 * k * k));
}

// Task 1 has one step, before which task 0 stops at any of its ten.
TEST(PctTest, AChangeComesAtAnyChoiceAlike) {
  auto pct = New("pct:2");
  std::map<size_t, uint64_t> where;
  constexpr uint64_t kSchedules = 50'000;
  for (uint64_t i = 0; i < kSchedules; ++i) {
    pct->Begin(i, i);
    where[Drive(*pct, {"..........", "."}).steps.find('1')]++;
  }
  EXPECT_EQ(pct->pct()->choices, 10u);
  ExpectAbout(where[0], kSchedules, 0.5);  // it has the higher priority
  for (size_t i = 1; i < 10; ++i) ExpectAbout(where[i], kSchedules, 0.05);
  ExpectAbout(where[10], kSchedules, 0.05);  // nobody to lower at the first
}

TEST(PctTest, WhoCanRunAgainIsHeard) {
  auto pct = New("pct:1");
  uint64_t third = 0;
  for (uint64_t i = 0; i < 10'000; ++i) {
    pct->Begin(i, i);
    uint32_t current = pct->Choose({.runnable = 3, .current = kCreator});
    third += pct->Choose({.runnable = 7, .current = current, .step = 1}) == 2;
  }
  ExpectAbout(third, 10'000, 1.0 / 3);
}

TEST(PctTest, AChangeRaisesNobody) {
  auto pct = New("pct:9");
  for (uint64_t i = 0; i < 100; ++i) {
    pct->Begin(i, i);
    ChoicePoint point = {.runnable = 3, .current = 0, .yields = true};
    EXPECT_EQ(pct->Choose(point), 1u);
    point.current = 1;
    EXPECT_EQ(pct->Choose(point), 0u);
    point.yields = false;
    for (int n = 0; n < 50; ++n) {
      point.runnable = 6;  // without 0: the next choice compares anew
      pct->Choose(point);
      point.runnable = 3;
      EXPECT_EQ(pct->Choose(point), 0u);
    }
  }
}

TEST(PctTest, TheBoundIsThePapers) {
  EXPECT_DOUBLE_EQ(PctBound(4, 100, 1), 1.0 / 4);
  EXPECT_DOUBLE_EQ(PctBound(4, 100, 2), 1.0 / 400);
  EXPECT_DOUBLE_EQ(PctBound(2, 10, 4), 1.0 / 2000);
}

TEST(PctTest, WhoYieldsComesLast) {
  auto pct = New("pct:3");
  for (uint64_t i = 0; i < 1000; ++i) {
    pct->Begin(i, i);
    std::string steps = Drive(*pct, {"y.", ".y.", "y", ".....s"}).steps;
    EXPECT_LT(steps.size(), 60u) << steps;
  }
}

TEST(PctTest, ALongerScheduleIsNotCountedForTheBound) {
  auto pct = New("pct:2");
  pct->Begin(0, 0);
  uint64_t choices = Drive(*pct, Independent(2, 400)).choices;
  EXPECT_EQ(pct->pct()->schedules[2], 0u);  // longer than the first guess
  EXPECT_EQ(pct->pct()->choices, choices);
  EXPECT_EQ(pct->pct()->fibers, 2u);
  pct->Begin(1, 1);
  Drive(*pct, Independent(2, 40));
  EXPECT_EQ(pct->pct()->schedules[2], 1u);
  EXPECT_EQ(pct->pct()->choices, choices);
}

// --- all of them -------------------------------------------------------------

const Program kMixed = {"..(..)..", ".(...).w", "y...", "(..)...s"};

class AnyStrategyTest : public ::testing::TestWithParam<const char*> {};

TEST_P(AnyStrategyTest, TheSameSeedsAreTheSameSchedules) {
  auto first = New(GetParam());
  auto second = New(GetParam());
  std::set<std::string> distinct;
  for (uint64_t i = 0; i < 400; ++i) {
    ASSERT_TRUE(first->Begin(i, Mix64(i)));
    ASSERT_TRUE(second->Begin(i, Mix64(i)));
    std::string steps = Drive(*first, kMixed).steps;
    EXPECT_EQ(Drive(*second, kMixed).steps, steps);
    EXPECT_STREQ(first->name(), second->name());
    distinct.insert(steps);
  }
  EXPECT_GE(distinct.size(), 24u);  // pct:1 has no more: 4!
}

TEST_P(AnyStrategyTest, TheSameIndexOnceMoreIsTheSameSchedule) {
  auto once = New(GetParam());
  auto twice = New(GetParam());
  for (uint64_t i = 0; i < 400; ++i) {
    ASSERT_TRUE(once->Begin(i, i));
    std::string steps = Drive(*once, kMixed).steps;
    for (int run = 0; run < 2; ++run) {
      ASSERT_TRUE(twice->Begin(i, i));
      EXPECT_EQ(Drive(*twice, kMixed).steps, steps);
    }
  }
  EXPECT_FALSE(twice->diverged());
}

TEST_P(AnyStrategyTest, AReplayIsIdentical) {
  auto strategy = New(GetParam());
  auto log = std::make_unique<ScheduleLog>();
  for (uint64_t i = 0; i < 400; ++i) {
    log->Clear();
    ASSERT_TRUE(strategy->Begin(i, i));
    Driven driven = Drive(*strategy, kMixed, log.get());
    auto runs = ParseSchedule(ScheduleText(log->runs, log->size));
    ASSERT_TRUE(runs.ok()) << runs.status();
    ScheduleReplay replay(runs->data(), runs->size());
    for (int run = 0; run < 2; ++run) {
      ASSERT_TRUE(replay.Begin(0, 0));
      EXPECT_EQ(Drive(replay, kMixed).steps, driven.steps);
      EXPECT_FALSE(replay.diverged()) << replay.divergence().what;
    }
  }
}

// TSan, which sees no order between the two, takes Choose() and Append() for a
// race when either is instrumented. The test itself passes; its process fails.
TEST_P(AnyStrategyTest, ThreadSanitizerDoesNotSeeChoices) {
  auto strategy = New(GetParam());
  auto log = std::make_unique<ScheduleLog>();
  strategy->Begin(0, 1);
  std::atomic<uint32_t> turn{0};
  auto take_turns = [&](uint32_t me) {
    for (uint64_t step = me; step < 200; step += 2) {
      while (turn.load(std::memory_order_relaxed) != me) {
        std::this_thread::yield();
      }
      ChoicePoint point = {.runnable = 0x1F & ~(uint64_t{step % 3 == 0} << 2),
                           .current = me,
                           .yields = step % 5 == 0,
                           .step = step};
      log->Append(strategy->Choose(point));
      turn.store(1 - me, std::memory_order_relaxed);
    }
  };
  std::thread other(take_turns, 1);
  take_turns(0);
  other.join();
  EXPECT_EQ(log->choices, 200u);
}
INSTANTIATE_TEST_SUITE_P(Strategies, AnyStrategyTest,
                         ::testing::Values("random", "pct:1", "pct:3", "pct:9",
                                           "dfs:2", "dfs:9", "portfolio"));

TEST(PortfolioTest, EachFourSchedulesHaveAllTurns) {
  auto portfolio = New("portfolio");
  for (uint64_t i = 0; i < 400; i += 4) {
    std::multiset<std::string> names;
    for (uint64_t j = i; j < i + 4; ++j) {
      portfolio->Begin(j, j);
      names.insert(portfolio->name());
    }
    EXPECT_THAT(names, ElementsAre("pct:2", "pct:3", "random", "random"));
  }
}

TEST(PortfolioTest, AShardOfFourStarvesNobody) {
  auto portfolio = New("portfolio");
  std::map<std::string, uint64_t> names;
  for (uint64_t i = 0; i < 4000; i += 4) {
    portfolio->Begin(i, i);
    names[portfolio->name()]++;
  }
  ExpectAbout(names["random"], 1000, 0.5);
  ExpectAbout(names["pct:2"], 1000, 0.25);
  ExpectAbout(names["pct:3"], 1000, 0.25);
}

TEST(NewStrategyTest, KnowsTheNamesOfAConfigAndNoOthers) {
  for (const std::string& name : StrategyNames()) {
    auto strategy = New(name);
    ASSERT_NE(strategy, nullptr) << name;
    strategy->Begin(0, 0);
    if (name != "portfolio") {
      EXPECT_EQ(strategy->name(), name);
    }
  }
  for (const char* name :
       {"", "rand", "random:1", "portfolio2", "pct", "pct:", "pct:0", "pct:10",
        "pct:x", "dfs:", "dfs:10", "dfs"}) {
    EXPECT_EQ(New(name), nullptr) << name;
  }
}

// --- replay ------------------------------------------------------------------

Driven Replay(const char* text, const Program& program, Divergence& where) {
  auto runs = ParseSchedule(text);
  EXPECT_TRUE(runs.ok()) << runs.status();
  ScheduleReplay replay(runs->data(), runs->size());
  Driven driven;
  for (int run = 0; run < 2; ++run) {  // whatever was left over by the first
    EXPECT_TRUE(replay.Begin(0, 0));
    driven = Drive(replay, program);
  }
  where = replay.divergence();
  return driven;
}

TEST(ScheduleReplayTest, TellsWhereItCannotGoOn) {
  Divergence where;
  EXPECT_EQ(Replay("a2 b", {"...", ".."}, where).steps, "00110");
  EXPECT_STREQ(where.what, "the record has ended, but there is a choice");
  EXPECT_EQ(where.choice, 3u);
  EXPECT_EQ(Replay("a2 c", {"...", ".."}, where).steps, "00011");
  EXPECT_STREQ(where.what, "the fiber of the record cannot run");
  EXPECT_EQ(where.choice, 2u);
  EXPECT_EQ(Replay("a2 b2 a", {"...", ".."}, where).steps, "00110");
  EXPECT_STREQ(where.what, "the schedule has ended, but the record goes on");
  EXPECT_EQ(where.choice, 4u);
  EXPECT_EQ(Replay("a2 b3", {"...", ".."}, where).steps, "00110");
  EXPECT_STREQ(where.what, "the schedule has ended, but the record goes on");
  EXPECT_EQ(Replay("a2 b2", {"...", ".."}, where).steps, "00110");
  EXPECT_EQ(where.what, nullptr);
  EXPECT_EQ(Replay("", {"...", ".."}, where).steps, "00011");
  EXPECT_EQ(where.choice, 0u);
  EXPECT_EQ(Replay("", {"..."}, where).steps, "000");
  EXPECT_EQ(where.what, nullptr);
}

}  // namespace
}  // namespace harness::explore
