// Who runs next: the scheduling strategies of the engine `explore`.
//
// A strategy is used by one OS thread. Choose() is called inside fibers, and
// ThreadSanitizer does not know that fibers take turns: it is not instrumented
// and calls nothing that is. It allocates nothing. Everything else is called
// outside of fibers. Integer arithmetic only: the same seed is the same
// schedule in every build.
//
// random       Each schedule draws how long a fiber runs on: at each choice it
//              stays with probability 0, 1/2, 3/4, ... 31/32, else any runnable
//              fiber is as likely as another. A window between two steps is hit
//              when its fiber stops in it for as long as the others need for
//              what they do, which differs by bug: a use outside of a read
//              section was caught in 0, 18, 45 and 50 of 50 seeds when its
//              fiber stopped for 0, 3, 10 and 40 points. A fiber that stays
//              with 31/32 stops the others for 32 points and more.
// pct:D        Burckhardt et al. (ASPLOS 2010), see PctBound().
// dfs:P        Every schedule with at most P preemptions, each once
//              (Musuvathi and Qadeer, PLDI 2007): see NewStrategy().
// portfolio    Of four schedules in a row two are random, one is pct:2, one
//              pct:3. Three planted bugs were found by random with p = 0.15 to
//              0.49 per schedule and by pct of depth 2 and 3 with 0.03 to 0.13,
//              on one long run pct was 500 times worse; but only pct has a
//              bound below which it never falls. So random has half: the mix is
//              at most twice as slow as random and four times as slow as the
//              better pct, on every bug. dfs has no share: on anything that it
//              cannot exhaust it stays in the last few points of one schedule.
#ifndef LRUTORTURE_HARNESS_EXPLORE_STRATEGY_H_
#define LRUTORTURE_HARNESS_EXPLORE_STRATEGY_H_

#include <cstddef>
#include <cstdint>

#include "harness/explore/schedule.h"

namespace harness::explore {

// What a strategy sees at a point where a choice exists.
struct ChoicePoint {
  uint64_t runnable = 0;  // bit per fiber; at least two bits set
  uint32_t current = 0;   // the fiber at the point; may not be runnable
                          // (blocked, sleeping, ended)
  bool yields = false;    // current asks to let others run; it is in `runnable`
  uint64_t step = 0;      // points so far in this schedule, choice or not
};

// Where the program did not do what it did before. An empty one: nowhere.
struct Divergence {
  const char* what = nullptr;  // a sentence's end; static
  uint64_t choice = 0;         // number of the choice in its schedule, from 0
};

// What is needed to state the bound of pct for a run.
inline constexpr uint32_t kPctDepthMax = 9;
struct PctSeen {
  uint32_t fibers = 0;   // n: most in one schedule
  uint64_t choices = 0;  // k: most in one schedule
  // By depth: schedules no longer than the k that their changes were drawn for.
  uint64_t schedules[kPctDepthMax + 1] = {};
};

class Strategy {
 public:
  virtual ~Strategy() = default;
  // Before each schedule. `index` is the number of the schedule in the run,
  // `seed` its own. False: no schedule is left (dfs only). The index of the
  // schedule before, once more: that schedule again.
  virtual bool Begin(uint64_t index, uint64_t seed) = 0;
  // The fiber to run: one of point.runnable.
  virtual uint32_t Choose(const ChoicePoint& point) = 0;
  // After each schedule: points visited, choices made.
  virtual void End(uint64_t steps, uint64_t choices) = 0;
  // Every schedule has been run: true from the End() of the last one on.
  virtual bool exhausted() const { return false; }
  // dfs and replay: the first one. The program is not deterministic, or not
  // the one that was recorded. Choose() still answers, dfs begins no more.
  virtual Divergence divergence() const { return {}; }
  bool diverged() const { return divergence().what != nullptr; }
  // What chooses in this schedule: never "portfolio", but one of its turns.
  virtual const char* name() const = 0;
  // Of all pct schedules so far. Null: there are none.
  virtual const PctSeen* pct() const { return nullptr; }
};

// "random", "pct:D" (D in 1..9), "dfs:P" (P in 0..9), "portfolio"; `run_seed`
// shuffles the turns of the portfolio. Null: not one of them. The caller owns
// it.
//
// dfs:P. A switch away from a runnable fiber that does not yield is a
// preemption; any other is free. The current fiber is continued first, then
// come the others by number. A fiber that yields does not go on at once, and
// one that yields twice waits for all who could run all the while and did not
// (Musuvathi and Qadeer, PLDI 2008): without that, two spinning fibers would
// fill the first schedule for ever. Schedules are counted by whoever calls
// Begin(). Of a schedule with more than kDfsChoicesMax choices only those have
// alternatives, and the run is not exhausted.
inline constexpr uint32_t kDfsChoicesMax = 1 << 17;
Strategy* NewStrategy(const char* name, uint64_t run_seed);

// A bug of depth d is found by a schedule of pct:d with at least this
// probability, n fibers, k choices at most: 1 / (n k^(d-1)).
//
// Each fiber has a random priority and the highest one that can run does. At
// D - 1 choices, drawn from the k of the longest schedule so far, the current
// fiber falls below all others. Departures from the paper: a fiber that yields
// falls below even those. k counts choices, not steps: lowering a fiber where
// nobody else can run is the same as lowering it at the next choice, if it is
// the current one there. Doubt: it is not when one step lets another fiber run
// and blocks its own, and no operation of lru/sync/ does that. A fiber number
// that is used again within a schedule keeps its priority.
double PctBound(uint32_t n, uint64_t k, uint32_t d);

// Repeats a recorded schedule, any number of times. At the first choice that
// cannot be repeated it diverges and stays with the current fiber from then on,
// or takes the lowest number.
class ScheduleReplay final : public Strategy {
 public:
  ScheduleReplay(const ScheduleRun* runs, size_t size);  // copies them
  ~ScheduleReplay() override;
  ScheduleReplay(const ScheduleReplay&) = delete;
  ScheduleReplay& operator=(const ScheduleReplay&) = delete;

  bool Begin(uint64_t index, uint64_t seed) override;
  uint32_t Choose(const ChoicePoint& point) override;
  void End(uint64_t steps, uint64_t choices) override;
  Divergence divergence() const override { return divergence_; }
  // It diverged before the record had ended.
  bool left_record() const { return diverged() && left_ != 0; }
  const char* name() const override { return "replay"; }

 private:
  ScheduleRun* const runs_;
  const size_t size_;
  size_t next_ = 0;    // in runs_
  uint32_t left_ = 0;  // of the run before next_
  uint64_t choice_ = 0;
  Divergence divergence_;
};

}  // namespace harness::explore

#endif  // LRUTORTURE_HARNESS_EXPLORE_STRATEGY_H_
