#include "harness/actor_task.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/crash_handler.h"
#include "harness/fault_action.h"
#include "harness/flight_recorder.h"
#include "harness/supervisor.h"
#include "lru/sync/engine.h"

namespace harness {
namespace {

constexpr uint64_t kPollNs = 500'000;
constexpr uint64_t kGiveUpNs = 200'000'000;

// Uniform in [0, 2 * pause_us], so pause_us on average.
void Pause(uint64_t pause_us, Prng& prng) {
  if (pause_us == 0) return;
  SleepUnlessStopping(prng.Below(2 * pause_us * 1000 + 1));
  NoteSleep();
}

// So that the report shows where everybody was, not where they had been.
void WaitForSnapshot() {
  for (uint64_t waited = 0; waited < kGiveUpNs / 2; waited += kPollNs) {
    if (!recorder()->snapshot_wanted.load(kRelaxed)) return;
    lru::sleep_ns(kPollNs);
  }
}

void RunActor(void* arg) {
  ActorTask& self = *static_cast<ActorTask*>(arg);
  // The engine's tasks are one thread, which has one already.
  if (!lru::engine()) InstallAlternateStack();
  TaskSlot* slot = CurrentSlot();
  slot->type_index.store(self.type_index, kRelaxed);
  slot->name_hash = HashName(self.name);
  while (!self.go->load(kRelaxed) && !Stopping()) lru::sleep_ns(kPollNs);
  for (uint64_t i = 0; i < self.operations_max && !Stopping(); i++) {
    self.actor->Step(self.prng);
    if (!self.pacer) continue;
    self.pacer->AfterOperation();
    Pause(self.spec->pause_us, self.prng);
  }
  // After a finding the lists may be broken: touch them no more.
  if (Latched()) {
    WaitForSnapshot();
  } else {
    self.actor->Stop();
  }
  self.done.store(1, kRelaxed);
}

}  // namespace

std::vector<std::string> PlanTaskNames(const Config& config) {
  std::vector<std::string> names;
  std::map<std::string, uint32_t> next;
  for (const ActorSpec& spec : config.actors) {
    for (uint32_t i = 0; i < spec.count; i++) {
      names.push_back(absl::StrCat(spec.type, "-", next[spec.type]++));
    }
  }
  return names;
}

ActorTasks::ActorTasks(const Config& config, uint64_t seed,
                       Workload& workload) {
  std::vector<std::string> names = PlanTaskNames(config);
  std::map<std::string, uint32_t> next;
  for (uint32_t type = 0; type < config.actors.size(); type++) {
    const ActorSpec& spec = config.actors[type];
    for (uint32_t i = 0; i < spec.count; i++) {
      auto task = std::make_unique<ActorTask>();
      task->name = names[tasks_.size()];
      task->spec = &spec;
      task->type_index = type;
      task->actor = workload.MakeActor(spec, next[spec.type]++);
      task->prng = Prng{Mix64(seed ^ HashName(task->name))};
      if (config.engine == kExplore) {
        task->operations_max = spec.ops_per_schedule;
      } else {
        task->pacer = std::make_unique<Pacer>(config, spec);
      }
      task->go = &go_;
      tasks_.push_back(std::move(task));
    }
  }
}

void ActorTasks::Start() {
  for (auto& task : tasks_) {
    task->task = lru::task_start(task->name.c_str(), RunActor, task.get());
  }
}

void ActorTasks::Go() { go_.store(1, kRelaxed); }

bool ActorTasks::AllDone() const {
  return std::all_of(tasks_.begin(), tasks_.end(), [](const auto& task) {
    return task->done.load(kRelaxed) != 0;
  });
}

bool ActorTasks::Join() {
  uint64_t latched_ns = 0;
  while (!AllDone()) {
    if (Latched()) {
      if (!latched_ns) latched_ns = lru::now_ns();
      if (lru::now_ns() - latched_ns > kGiveUpNs) {
        // They still run: what they use must outlive them.
        for (auto& task : tasks_) task.release();
        return false;
      }
    }
    lru::sleep_ns(kPollNs);
  }
  JoinAll();
  return true;
}

void ActorTasks::JoinAll() {
  for (auto& task : tasks_) lru::task_join(task->task);
  tasks_.clear();
}

}  // namespace harness
