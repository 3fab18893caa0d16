#include "harness/fault_plan.h"

#include <string_view>

namespace harness {
namespace {

std::vector<bool> ActorsOfType(const Config& config, const std::string& type) {
  std::vector<bool> of_actor;
  if (type.empty()) return of_actor;
  for (const ActorSpec& spec : config.actors) {
    of_actor.push_back(spec.type == type);
  }
  if (of_actor.empty()) of_actor.push_back(false);
  return of_actor;
}

}  // namespace

bool CompiledFault::MatchesTask(const TaskSlot& slot) const {
  if (of_actor.empty()) return true;
  uint32_t type = slot.type_index.load(std::memory_order_relaxed);
  if (type < of_actor.size()) return of_actor[type];
  return fault->actor == slot.task.name;  // a worker of lru/
}

bool CompiledFault::MatchesSite(const lru::fault_site& site) const {
  return (fault->nid < 0 || fault->nid == site.nid) &&
         (fault->depth < 0 || fault->depth == site.depth);
}

bool CompiledFault::MatchesFunction(const char* outer_name,
                                    const char* name) const {
  if (name != seen_function.load(std::memory_order_relaxed)) {
    if (!name || function != name) return false;
    seen_function.store(name, std::memory_order_relaxed);
  }
  return outer == (outer_name ? outer_name : lru::kNoOuter);
}

FaultPlan::FaultPlan(const Config& config, uint64_t seed)
    : seed_(seed), faults_(config.faults.size()) {
  for (uint32_t i = 0; i < config.faults.size() && i < kFaultsMax; i++) {
    CompiledFault& compiled = faults_[i];
    compiled.fault = &config.faults[i];
    compiled.index = i;
    compiled.of_actor = ActorsOfType(config, compiled.fault->actor);
    if (compiled.fault->at < lru::NR_FAULT_POINTS) {
      at_[compiled.fault->at].push_back(&compiled);
    } else {
      AddImplicit(compiled);
    }
    const std::optional<HoldUntil>& hold = compiled.fault->hold;
    if (hold && hold->at < lru::NR_FAULT_POINTS) hold_target_[hold->at] = true;
  }
}

// OUTER/FUNCTION>OP[:done]; the config has checked it.
void FaultPlan::AddImplicit(CompiledFault& compiled) {
  std::string_view text = compiled.fault->implicit;
  std::string_view::size_type slash = text.find('/');
  std::string_view::size_type arrow = text.rfind('>');
  if (slash == text.npos || arrow == text.npos || arrow < slash) return;
  compiled.outer = text.substr(0, slash);
  compiled.function = text.substr(slash + 1, arrow - slash - 1);
  std::string_view name = text.substr(arrow + 1);
  constexpr std::string_view kDone = ":done";
  bool done = name.size() > kDone.size() &&
              name.substr(name.size() - kDone.size()) == kDone;
  if (done) name.remove_suffix(kDone.size());
  for (int op = 0; op < lru::NR_SYNC_OPS; op++) {
    if (name != lru::sync_op_name(static_cast<lru::sync_op>(op))) continue;
    implicit_[op * 2 + done].push_back(&compiled);
    has_implicit_ = true;
  }
}

}  // namespace harness
