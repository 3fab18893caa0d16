// Compiled without sanitizers (CMakeLists.txt). Nothing of the C++ library is
// called here: its templates would be merged with the instrumented copies of
// other files.
#include "harness/explore/strategy.h"

#include <cstdlib>
#include <cstring>

#include "lru/sync/tsan.h"

namespace harness::explore {
namespace {

LRU_UNINSTRUMENTED uint64_t Bit(uint32_t fiber) {
  return fiber < kFibersMax ? uint64_t{1} << fiber : 0;
}

LRU_UNINSTRUMENTED uint32_t Lowest(uint64_t set) {
  return static_cast<uint32_t>(__builtin_ctzll(set));
}

// Whether the current fiber may simply go on.
LRU_UNINSTRUMENTED bool MayStay(const ChoicePoint& point) {
  return !point.yields && (point.runnable & Bit(point.current)) != 0;
}

// Those among whom there is a choice: one that yields does not choose itself.
LRU_UNINSTRUMENTED uint64_t Candidates(const ChoicePoint& point) {
  return point.yields ? point.runnable & ~Bit(point.current) : point.runnable;
}

LRU_UNINSTRUMENTED uint32_t StayOrLowest(const ChoicePoint& point) {
  return MayStay(point) ? point.current : Lowest(Candidates(point));
}

// splitmix64, as harness/plan.h has it instrumented.
struct Random64 {
  uint64_t state = 0;

  LRU_UNINSTRUMENTED uint64_t Next() {
    state += 0x9E3779B97F4A7C15;
    uint64_t x = state;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
  }
  // In [0, bound).
  LRU_UNINSTRUMENTED uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>(
        (static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
};

// Seeds that follow each other are streams that have nothing in common.
Random64 Stream(uint64_t seed, uint64_t salt) {
  Random64 random{seed};
  random.state = random.Next() ^ salt;
  return random;
}

class RandomStrategy final : public Strategy {
 public:
  bool Begin(uint64_t, uint64_t seed) override {
    random_ = Stream(seed, 'r');
    stay_ = (uint64_t{1} << random_.Below(6)) - 1;
    return true;
  }
  LRU_UNINSTRUMENTED uint32_t Choose(const ChoicePoint& point) override {
    uint64_t drawn = random_.Next();
    // The low bits decide on staying, the high ones on who is next.
    if ((drawn & stay_) != 0 && MayStay(point)) return point.current;
    uint64_t set = Candidates(point);
    uint64_t size = static_cast<uint64_t>(__builtin_popcountll(set));
    for (uint64_t n = ((drawn >> 32) * size) >> 32; n > 0; --n) set &= set - 1;
    return Lowest(set);
  }
  void End(uint64_t, uint64_t) override {}
  const char* name() const override { return "random"; }

 private:
  Random64 random_;
  uint64_t stay_ = 0;  // 2^s - 1: stays with probability 1 - 2^-s
};

class PctStrategy final : public Strategy {
 public:
  explicit PctStrategy(uint32_t depth) { SetDepth(depth); }

  // Between schedules.
  void SetDepth(uint32_t depth) {
    depth_ = depth;
    name_[4] = static_cast<char>('0' + depth);
  }
  bool Begin(uint64_t index, uint64_t seed) override;
  uint32_t Choose(const ChoicePoint& point) override;
  void End(uint64_t steps, uint64_t choices) override;
  const char* name() const override { return name_; }
  const PctSeen* pct() const override { return &seen_; }

 private:
  // The k of the first schedule.
  static constexpr uint64_t kChoicesGuess = 100;
  static constexpr int32_t kNobody = INT32_MIN;

  struct Change {
    uint64_t choice;  // from 1
    int32_t priority;
  };

  void DrawPriorities(Random64& random);
  void DrawChanges(Random64& random);
  void Lower(uint32_t fiber, int32_t priority);

  uint32_t depth_;
  char name_[6] = "pct:D";
  uint64_t index_ = UINT64_MAX;
  uint64_t k_ = kChoicesGuess;
  PctSeen seen_;

  // Of this schedule. Priorities: 1 to depth - 1 after a change, above that
  // before, below that after a yield.
  int32_t priority_[kFibersMax];
  Change changes_[kPctDepthMax];  // depth - 1, then one that never comes
  const Change* change_ = changes_;
  uint64_t choice_ = 0;
  int32_t floor_ = 1;       // the lowest so far
  uint64_t fibers_ = 0;     // that could run at some choice
  uint64_t top_ = 0;        // bit of the last one chosen; 0: look again
  uint32_t top_fiber_ = 0;  // its number
  uint64_t below_ = 0;      // fibers known to be lower than that
};

bool PctStrategy::Begin(uint64_t index, uint64_t seed) {
  // Not in End(): the same index once more must draw from the same k.
  if (index != index_ && seen_.choices > 0) k_ = seen_.choices;
  index_ = index;
  Random64 random = Stream(seed, 'p');
  DrawPriorities(random);
  DrawChanges(random);
  choice_ = 0;
  floor_ = 1;
  fibers_ = 0;
  top_ = 0;
  below_ = 0;
  return true;
}

void PctStrategy::DrawPriorities(Random64& random) {
  for (uint32_t i = 0; i < kFibersMax; ++i) {
    uint32_t other = static_cast<uint32_t>(random.Below(i + 1));
    priority_[i] = priority_[other];
    priority_[other] = static_cast<int32_t>(depth_ + i);
  }
}

// Sorted by choice. As in the paper, the priority of a change does not follow
// from when it comes: a fiber lowered late may stay above one lowered early.
void PctStrategy::DrawChanges(Random64& random) {
  uint32_t size = 0;
  for (; size + 1 < depth_; ++size) {
    Change drawn = {.choice = 1 + random.Below(k_),
                    .priority = static_cast<int32_t>(size + 1)};
    uint32_t at = size;
    for (; at > 0 && changes_[at - 1].choice > drawn.choice; --at) {
      changes_[at] = changes_[at - 1];
    }
    changes_[at] = drawn;
  }
  changes_[size] = {.choice = UINT64_MAX, .priority = 0};
  change_ = changes_;
}

// Never raises it.
LRU_UNINSTRUMENTED void PctStrategy::Lower(uint32_t fiber, int32_t priority) {
  if (fiber >= kFibersMax || priority_[fiber] <= priority) return;
  priority_[fiber] = priority;
  if (top_ == Bit(fiber)) top_ = 0;
}

LRU_UNINSTRUMENTED uint32_t PctStrategy::Choose(const ChoicePoint& point) {
  ++choice_;
  fibers_ |= point.runnable;
  while (change_->choice == choice_) {
    Lower(point.current, change_->priority);
    ++change_;
  }
  if (point.yields) Lower(point.current, --floor_);
  if ((point.runnable & top_) != 0 &&
      (point.runnable & ~(below_ | top_)) == 0) {
    return top_fiber_;
  }
  int32_t best = kNobody;
  for (uint64_t left = point.runnable; left != 0; left &= left - 1) {
    uint32_t fiber = Lowest(left);
    if (priority_[fiber] <= best) continue;
    best = priority_[fiber];
    top_fiber_ = fiber;
  }
  top_ = Bit(top_fiber_);
  below_ = point.runnable & ~top_;
  return top_fiber_;
}

void PctStrategy::End(uint64_t, uint64_t) {
  uint32_t fibers = static_cast<uint32_t>(__builtin_popcountll(fibers_));
  if (choice_ <= k_) seen_.schedules[depth_]++;
  if (choice_ > seen_.choices) seen_.choices = choice_;
  if (fibers > seen_.fibers) seen_.fibers = fibers;
}

// Who has to wait because others were passed over. A fiber that yields, and
// yielded before, waits for each one that could run ever since and was not
// chosen, until it is or cannot run. The paper also counts those that the fiber
// itself disabled; in lru/sync/ a fiber is disabled only by its own steps.
class Fairness {
 public:
  void Begin();
  void See(const ChoicePoint& point);
  // Never all that can run and do not yield: nobody waits for one that has run,
  // and only such a one begins to wait, so there is no circle.
  LRU_UNINSTRUMENTED uint64_t waiting() const { return waiting_; }
  void Ran(uint32_t fiber);

 private:
  // Nobody waits for others than these.
  void WaitOnlyFor(uint64_t fibers);
  // Those that `yielder` passed over since it yielded last.
  uint64_t PassedOver(uint32_t yielder, uint64_t runnable) const;

  uint64_t now_ = 0;  // choices
  uint64_t step_ = 0;
  uint64_t runnable_ = 0;  // at the choice before
  uint64_t waiting_ = 0;   // fibers whose waits_for_ counts, and is not empty
  uint64_t waits_for_[kFibersMax];
  uint64_t runnable_since_[kFibersMax];
  uint64_t ran_at_[kFibersMax];
  uint64_t yielded_at_[kFibersMax];  // 0: not yet
};

void Fairness::Begin() {
  now_ = 0;
  step_ = 0;
  runnable_ = 0;
  waiting_ = 0;
  for (uint32_t i = 0; i < kFibersMax; ++i) ran_at_[i] = yielded_at_[i] = 0;
}

LRU_UNINSTRUMENTED void Fairness::See(const ChoicePoint& point) {
  ++now_;
  // Between them were points without a choice: one fiber could run, no other.
  if (point.step > step_ + 1) runnable_ = 0;
  WaitOnlyFor(point.runnable & runnable_);
  for (uint64_t come = point.runnable & ~runnable_; come != 0;
       come &= come - 1) {
    runnable_since_[Lowest(come)] = now_;
  }
  step_ = point.step;
  runnable_ = point.runnable;
  if (!point.yields || point.current >= kFibersMax) return;
  uint64_t passed_over = PassedOver(point.current, point.runnable);
  yielded_at_[point.current] = now_;
  if (passed_over == 0) return;
  waits_for_[point.current] = passed_over;
  waiting_ |= Bit(point.current);
}

LRU_UNINSTRUMENTED uint64_t Fairness::PassedOver(uint32_t yielder,
                                                 uint64_t runnable) const {
  uint64_t yielded = yielded_at_[yielder];
  uint64_t passed_over = 0;
  for (uint64_t left = runnable; left != 0; left &= left - 1) {
    uint32_t fiber = Lowest(left);
    // Nothing is before the first yield.
    if (runnable_since_[fiber] <= yielded && ran_at_[fiber] < yielded) {
      passed_over |= Bit(fiber);
    }
  }
  return passed_over & ~Bit(yielder);
}

LRU_UNINSTRUMENTED void Fairness::WaitOnlyFor(uint64_t fibers) {
  for (uint64_t left = waiting_; left != 0; left &= left - 1) {
    uint32_t fiber = Lowest(left);
    waits_for_[fiber] &= fibers;
    if (waits_for_[fiber] == 0) waiting_ &= ~Bit(fiber);
  }
}

LRU_UNINSTRUMENTED void Fairness::Ran(uint32_t fiber) {
  ran_at_[fiber] = now_;
  WaitOnlyFor(~Bit(fiber));
}

// Depth first, without recursion and without states: the path of choices from
// the start, each with what was not tried there yet.
class DfsStrategy final : public Strategy {
 public:
  explicit DfsStrategy(uint32_t preemptions)
      : preemptions_max_(preemptions),
        path_(static_cast<Node*>(calloc(kDfsChoicesMax, sizeof(Node)))) {
    if (path_ == nullptr) abort();
    name_[4] = static_cast<char>('0' + preemptions);
  }
  ~DfsStrategy() override { free(path_); }
  DfsStrategy(const DfsStrategy&) = delete;
  DfsStrategy& operator=(const DfsStrategy&) = delete;

  bool Begin(uint64_t index, uint64_t seed) override;
  uint32_t Choose(const ChoicePoint& point) override;
  void End(uint64_t steps, uint64_t choices) override;
  bool exhausted() const override { return exhausted_; }
  Divergence divergence() const override { return divergence_; }
  const char* name() const override { return name_; }

 private:
  struct Node {
    uint64_t runnable;
    uint64_t untried;
    uint8_t current;
    bool yields;
    uint8_t chosen;
  };

  // A new node at `depth_`.
  void Extend(const ChoicePoint& point);
  void Diverge(const char* what);

  const uint32_t preemptions_max_;
  Node* const path_;
  char name_[6] = "dfs:P";
  uint64_t index_ = 0;
  bool begun_ = false;
  bool exhausted_ = false;
  bool cut_ = false;  // a schedule had more choices than the path can hold
  Divergence divergence_;
  uint32_t length_ = 0;  // of the path
  uint32_t open_ = 0;    // its nodes with something untried
  // Of this schedule.
  uint32_t depth_ = 0;        // choices so far
  uint32_t prefix_ = 0;       // choices that are given
  uint32_t preemptions_ = 0;  // so far
  Fairness fairness_;
};

bool DfsStrategy::Begin(uint64_t index, uint64_t) {
  if (exhausted_ || diverged()) return false;
  if (begun_ && index != index_) {
    if (open_ == 0) return false;
    while (path_[length_ - 1].untried == 0) --length_;
    Node& last = path_[length_ - 1];
    last.chosen = static_cast<uint8_t>(Lowest(last.untried));
    last.untried &= last.untried - 1;
    if (last.untried == 0) --open_;
  }
  begun_ = true;
  index_ = index;
  depth_ = 0;
  prefix_ = length_;
  preemptions_ = 0;
  fairness_.Begin();
  return true;
}

LRU_UNINSTRUMENTED void DfsStrategy::Diverge(const char* what) {
  divergence_.what = what;
  divergence_.choice = depth_;
}

LRU_UNINSTRUMENTED uint32_t DfsStrategy::Choose(const ChoicePoint& point) {
  if (divergence_.what != nullptr) return StayOrLowest(point);
  if (depth_ == kDfsChoicesMax) {
    cut_ = true;
    return StayOrLowest(point);
  }
  fairness_.See(point);
  const Node& node = path_[depth_];
  if (depth_ >= prefix_) {
    Extend(point);
  } else if (node.runnable != point.runnable || node.current != point.current ||
             node.yields != point.yields) {
    Diverge("other fibers can run than did before, or another one is there");
    return StayOrLowest(point);
  }
  if (MayStay(point) && node.chosen != point.current) ++preemptions_;
  ++depth_;
  fairness_.Ran(node.chosen);
  return node.chosen;
}

LRU_UNINSTRUMENTED void DfsStrategy::Extend(const ChoicePoint& point) {
  uint64_t allowed = Candidates(point) & ~fairness_.waiting();
  uint32_t chosen;
  if (MayStay(point)) {
    chosen = point.current;
    if (preemptions_ == preemptions_max_) allowed = Bit(chosen);
  } else {
    chosen = Lowest(allowed);
  }
  Node& node = path_[depth_];
  node.runnable = point.runnable;
  node.untried = allowed & ~Bit(chosen);
  node.current = static_cast<uint8_t>(point.current);
  node.yields = point.yields;
  node.chosen = static_cast<uint8_t>(chosen);
  length_ = depth_ + 1;
  if (node.untried != 0) ++open_;
}

void DfsStrategy::End(uint64_t, uint64_t) {
  if (depth_ < prefix_ && !diverged()) {
    Diverge("the schedule has ended earlier than before");
  }
  exhausted_ = open_ == 0 && !cut_ && !diverged();
}

// Both members are final, so neither call is virtual.
class PortfolioStrategy final : public Strategy {
 public:
  explicit PortfolioStrategy(uint64_t run_seed) : run_seed_(run_seed) {}

  bool Begin(uint64_t index, uint64_t seed) override {
    // Each four have all turns, in an order of their own: a shard that runs
    // every fourth schedule has all of them as well.
    uint64_t turn = (index + Stream(run_seed_, index / 4).Next()) % 4;
    random_turn_ = turn % 2 == 0;
    if (random_turn_) return random_.Begin(index, seed);
    pct_.SetDepth(turn == 1 ? 2 : 3);
    return pct_.Begin(index, seed);
  }
  LRU_UNINSTRUMENTED uint32_t Choose(const ChoicePoint& point) override {
    return random_turn_ ? random_.Choose(point) : pct_.Choose(point);
  }
  void End(uint64_t steps, uint64_t choices) override {
    random_turn_ ? random_.End(steps, choices) : pct_.End(steps, choices);
  }
  const char* name() const override {
    return random_turn_ ? random_.name() : pct_.name();
  }
  const PctSeen* pct() const override { return pct_.pct(); }

 private:
  const uint64_t run_seed_;
  bool random_turn_ = true;
  RandomStrategy random_;
  PctStrategy pct_{2};
};

// The digit of "PREFIX:digit"; -1: it is not that.
int Number(const char* name, const char* prefix) {
  size_t length = strlen(prefix);
  if (strncmp(name, prefix, length) != 0) return -1;
  const char* digit = name + length;
  if (*digit < '0' || *digit > '9' || digit[1] != '\0') return -1;
  return *digit - '0';
}

}  // namespace

Strategy* NewStrategy(const char* name, uint64_t run_seed) {
  if (strcmp(name, "portfolio") == 0) return new PortfolioStrategy(run_seed);
  if (strcmp(name, "random") == 0) return new RandomStrategy;
  int depth = Number(name, "pct:");
  if (depth > 0) return new PctStrategy(static_cast<uint32_t>(depth));
  int preemptions = Number(name, "dfs:");
  if (preemptions < 0) return nullptr;
  return new DfsStrategy(static_cast<uint32_t>(preemptions));
}

double PctBound(uint32_t n, uint64_t k, uint32_t d) {
  double bound = 1.0 / n;
  for (uint32_t i = 1; i < d; ++i) bound /= static_cast<double>(k);
  return bound;
}

ScheduleReplay::ScheduleReplay(const ScheduleRun* runs, size_t size)
    : runs_(new ScheduleRun[size]), size_(size) {
  for (size_t i = 0; i < size; ++i) runs_[i] = runs[i];
}

ScheduleReplay::~ScheduleReplay() { delete[] runs_; }

bool ScheduleReplay::Begin(uint64_t, uint64_t) {
  next_ = 0;
  left_ = 0;
  choice_ = 0;
  divergence_ = {};
  return true;
}

LRU_UNINSTRUMENTED uint32_t ScheduleReplay::Choose(const ChoicePoint& point) {
  uint64_t choice = choice_++;
  if (divergence_.what != nullptr) return StayOrLowest(point);
  if (left_ == 0 && next_ < size_) left_ = runs_[next_++].count;
  if (left_ == 0) {
    divergence_.what = "the record has ended, but there is a choice";
  } else if ((point.runnable & Bit(runs_[next_ - 1].fiber)) == 0) {
    divergence_.what = "the fiber of the record cannot run";
  } else {
    --left_;
    return runs_[next_ - 1].fiber;
  }
  divergence_.choice = choice;
  return StayOrLowest(point);
}

void ScheduleReplay::End(uint64_t, uint64_t) {
  if (diverged() || (left_ == 0 && next_ == size_)) return;
  divergence_.what = "the schedule has ended, but the record goes on";
  divergence_.choice = choice_;
}

}  // namespace harness::explore
