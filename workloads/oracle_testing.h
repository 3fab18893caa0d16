// For tests of oracles: a small world with chosen parts, driven step by step by
// one task, and what the oracles said about it. Included by tests alone.
//
// Each scenario is a process of its own: serials and counts begin afresh, a
// leak or a list that was broken on purpose troubles nobody else, and what was
// found is read from the recorder, which both share.
#ifndef LRUTORTURE_WORKLOADS_ORACLE_TESTING_H_
#define LRUTORTURE_WORKLOADS_ORACLE_TESTING_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "harness/flight_recorder.h"
#include "harness/hook.h"
#include "lru/memcg_lock.h"
#include "lru/node_lock.h"
#include "workloads/registry.h"

namespace workloads {

// What one oracle said.
struct Said {
  std::string invariant;
  std::string message;
  std::string what = {};  // tells its violations apart
};
inline void PrintTo(const Said& said, std::ostream* out) {
  *out << said.invariant << ": " << said.message;
}
using Findings = std::vector<Said>;

MATCHER_P2(Says, invariant, message, "") {
  return arg.invariant == invariant &&
         arg.message.find(message) != std::string::npos;
}

MATCHER_P2(SaysWhat, invariant, what, "") {
  return arg.invariant == invariant && arg.what == what;
}

inline Findings ReadFindings() {
  Findings all;
  const harness::Recorder& r = *harness::recorder();
  for (const harness::FindingSlot& slot : r.findings) {
    if (!slot.ready.load()) continue;
    all.push_back({slot.invariant, slot.message, slot.type});
  }
  return all;
}

// Runs `body` in a child, which must come to its end with no EXPECT failed.
inline Findings RunScenario(const std::function<void()>& body) {
  harness::MapRecorder();
  pid_t pid = fork();
  if (pid == 0) {
    alarm(100);  // a list that never ends
    body();
    fflush(nullptr);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  Findings findings = ReadFindings();
  harness::UnmapRecorder();
  return findings;
}

// Where a scenario cannot but violate another invariant as well.
inline Findings Of(const char* invariant, Findings findings) {
  std::erase_if(findings, [invariant](const Said& said) {
    return said.invariant != invariant;
  });
  return findings;
}

inline World::Parts CleanParts(
    const lru::list_lru_ops& ops = lru::node_lock_ops()) {
  return {.lru_ops = &ops,
          .steps = &lru::clean_teardown_steps(),
          .ops = &CleanWorkloadOps()};
}

// Every clean lru.
inline std::vector<const lru::list_lru_ops*> CleanLrus() {
  return {&lru::node_lock_ops(), &lru::memcg_lock_ops()};
}

// Four memcgs, each the parent of the next; one actor of each type.
inline harness::Config ChainConfig(uint32_t memcgs = 4) {
  harness::Config config;
  config.topology = {.nids = 2,
                     .lrus = 2,
                     .memcgs = memcgs,
                     .depth = memcgs,
                     .objects = 32,
                     .slab_reuse = harness::SlabReuse::kAfterGracePeriod};
  for (const char* type : {"adder", "deleter", "shrinker", "destroyer"}) {
    config.actors.push_back({.type = type});
  }
  return config;
}

class Scenario {
 public:
  explicit Scenario(const World::Parts& parts = CleanParts(),
                    const harness::Config& config = ChainConfig())
      : config_(OnLru(config, parts)) {
    harness::UseRecorderTasks();
    // All oracles are to speak, not only the first.
    harness::recorder()->findings_stop.store(harness::kFindingsMax);
    harness::ArmHook(config_, /*seed=*/1);
    lru::task_adopt("main");
    TakeNotes();
    World::Parts watched = parts;
    watched.lru_ops = Watched(parts.lru_ops);
    world_ = StartWorld(config_, watched);
    // A queue that is on its way to its first sleep takes its lock, which is a
    // read section: from here on there are only the test's own.
    while (!OthersAreIdle()) lru::task_yield();
  }

  // Callbacks that still wait for their grace period use the world, which ends
  // with the process.
  ~Scenario() { world_.release(); }
  Scenario(const Scenario&) = delete;
  Scenario& operator=(const Scenario&) = delete;

  World& world() { return *world_; }
  lru::mem_cgroup* memcg(uint32_t index) { return world_->memcg(index).load(); }
  // The sublist that (memcg, nid) finds now.
  lru::list_lru_one* ListOf(lru::mem_cgroup* memcg, int nid = 0,
                            uint32_t lru = 0) {
    lru::rcu_guard guard;
    return lru::list_lru_from_memcg_idx(world_->lru(lru), nid,
                                        lru::memcg_kmem_id(memcg));
  }

  // --- step by step
  // An object of that memcg, in a free place of the shared array.
  Object* Charge(uint32_t memcg_index, int nid = 0, uint32_t lru = 0) {
    Object* object = world_->ops().charge(*world_, memcg_index, lru, nid);
    for (uint32_t i = 0; i < world_->nr_shared(); i++) {
      if (world_->shared(i).load()) continue;
      world_->PublishShared(i, object);
      return object;
    }
    ADD_FAILURE() << "no place is free";
    return object;
  }
  bool Add(Object* object) {
    return world_->ops().add(world_->lru(object->lru_index), object);
  }
  bool Del(Object* object) {
    return world_->ops().del(world_->lru(object->lru_index), object);
  }
  Object* ChargeAndAdd(uint32_t memcg_index, int nid = 0, uint32_t lru = 0) {
    Object* object = Charge(memcg_index, nid, lru);
    EXPECT_TRUE(Add(object));
    return object;
  }
  // With all below it, to the end.
  void Destroy(uint32_t index) {
    world_->DestroySubtree(index);
    lru::css_flush();
  }
  // A record as lru/ would write it.
  static void Feed(lru::fault_point fp, const lru::fault_site& site) {
    lru::fault_point_slow(fp, site);
  }

  // --- by actors
  // `steps` of every actor of the config (or of one type), in turn.
  void Step(int steps, std::string_view only = {}) {
    if (actors_.empty()) MakeActors();
    for (int i = 0; i < steps; i++) {
      for (size_t at = 0; at < actors_.size(); at++) {
        if (!only.empty() && config_.actors[at].type != only) continue;
        actors_[at]->Step(prngs_[at]);
      }
    }
    TakeNotes();
  }

  // --- as a run ends
  void Quiet() {
    for (auto& actor : actors_) actor->Stop();
    harness::DisarmFaults();
    while (!world_->Settle()) lru::task_yield();
  }
  void CheckTotals() { workloads::CheckTotals(*world_); }
  void TearDown() {
    world_->TearDown();
    AfterTeardown();
  }
  static void AfterTeardown() {
    for (const Oracle& oracle : Oracles()) {
      if (oracle.after_teardown) oracle.after_teardown();
    }
  }
  void Finish() {
    Quiet();
    CheckTotals();
    TearDown();
  }

 private:
  static harness::Config OnLru(harness::Config config,
                               const World::Parts& parts) {
    config.lru = parts.lru_ops->name;
    return config;
  }
  static bool OthersAreIdle() {
    const harness::Recorder& recorder = *harness::recorder();
    for (uint32_t i = 0; i < harness::TaskCount(recorder); i++) {
      const lru::task& task = recorder.tasks[i].task;
      if (&task == lru::current_task()) continue;
      const char* waiting = task.waiting.load();
      if (!waiting || std::string_view(waiting) != "idle") return false;
    }
    return true;
  }
  void TakeNotes() {
    notes_.prng = &prng_;
    lru::current_task()->user = &notes_;
  }
  void MakeActors() {
    for (const harness::ActorSpec& spec : config_.actors) {
      actors_.push_back(FindActor(spec.type)(*world_, spec));
      prngs_.push_back({harness::Mix64(actors_.size())});
    }
  }

  const harness::Config config_;
  harness::Prng prng_{1};
  TaskNotes notes_;
  std::unique_ptr<World> world_;
  std::vector<std::unique_ptr<harness::Actor>> actors_;
  std::vector<harness::Prng> prngs_;
};

// As a registrar does, with all shared objects on top.
inline void EndLru(Scenario& s, uint32_t lru) {
  s.world().FreeShrinker(lru);
  for (uint32_t i = 0; i < s.world().nr_shared(); i++) {
    s.world().RetireShared(i);
  }
  lru::rcu_barrier();
  s.world().DestroyLru(lru);
}

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ORACLE_TESTING_H_
