#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "harness/config_names.h"
#include "harness/config_parts.h"
#include "harness/config_spec.h"
#include "harness/explore/fiber_engine.h"

namespace harness {
namespace {

// Where errors and warnings of one part of the config go.
struct Findings {
  std::vector<InputError>& errors;
  std::vector<InputError>& warnings;
  void Error(const std::string& pointer, const std::string& what) {
    errors.push_back({pointer, what});
  }
  void Warn(const std::string& pointer, const std::string& what) {
    warnings.push_back({pointer, what});
  }
};

std::string Name(lru::fault_point fp) {
  return absl::StrCat("'", lru::fault_point_at(fp).name, "'");
}

bool NeedsSpin(lru::held holds) {
  return holds == lru::held::RCU || holds == lru::held::SPIN;
}

std::string Section(lru::held holds) {
  return holds == lru::held::RCU ? "an RCU read section" : "a spinlock";
}

// Whether a grace period lies between the last moment at which a lookup can
// find the memcg and `fp`: a read section that holds the memcg keeps it out.
bool OutlivesReaders(const LruInfo* lru, lru::fault_point fp) {
  if (lru == nullptr || lru->stages.empty()) {
    return fp >= lru::FP_css_ref_zero && fp <= lru::FP_parent_ref_put;
  }
  bool unfindable = false;  // lookups through the objcg no longer find it
  bool behind = false;      // and a grace period has passed since
  std::vector<lru::fault_point> late;
  for (const lru::stage_info& stage : lru->stages) {
    behind =
        behind || (stage.after_gp && absl::c_linear_search(late, stage.since));
    if (stage.fp == fp) return behind;
    unfindable = unfindable || stage.closes == lru::way::OBJECT;
    if (unfindable) late.push_back(stage.fp);
  }
  return false;
}

// Why reclaim cannot run at the fault's point; empty: it can.
std::string WhyNoReclaim(const Fault& fault) {
  if (lru::may_reclaim_at(fault.at)) return "";
  if (fault.at == lru::FP_shrinker_info_allocated) {
    return " holds shrinker_mutex, which reclaim takes";
  }
  return " allocates nothing";
}

void CheckReclaim(const Fault& fault, const std::string& at, Findings& found) {
  std::string why = fault.reclaim ? WhyNoReclaim(fault) : "";
  if (why.empty()) return;
  std::vector<std::string> names;
  for (const lru::fault_point_info& info : lru::fault_points()) {
    if (lru::may_reclaim_at(info.fp)) names.push_back(info.name);
  }
  found.Error(at + "/at",
              absl::StrCat(PointName(fault), why, " (reclaim is for: ",
                           absl::StrJoin(names, ", "), ")"));
}

void CheckKind(const Fault& fault, const std::string& at, Findings& found) {
  constexpr const char* kKinds = "delay_us, hold_until, error and reclaim";
  int kinds = fault.delay.has_value() + fault.hold.has_value() + fault.enomem +
              fault.reclaim;
  if (kinds == 0) {
    found.Error(at, absl::StrCat("needs one of ", kKinds));
  } else if (kinds > 1) {
    found.Error(at, absl::StrCat("has more than one of ", kKinds));
  }
  CheckReclaim(fault, at, found);
  if (fault.enomem && (fault.at == lru::NR_FAULT_POINTS ||
                       !lru::fault_point_at(fault.at).error)) {
    std::vector<std::string> names;
    for (const lru::fault_point_info& info : lru::fault_points()) {
      if (info.error) names.push_back(info.name);
    }
    found.Error(at + "/at", absl::StrCat(PointName(fault),
                                         " is not an error point (one of: ",
                                         absl::StrJoin(names, ", "), ")"));
  }
  if (fault.delay && fault.delay->min_us > fault.delay->max_us) {
    found.Error(at + "/delay_us",
                absl::StrCat("min ", fault.delay->min_us, " is above max ",
                             fault.delay->max_us));
  }
}

void CheckHow(const Fault& fault, bool explicit_how, const std::string& at,
              Findings& found) {
  if (explicit_how && !fault.delay) {
    found.Error(at + "/delay", "only a fault with delay_us has it");
  }
  lru::held holds = HoldsAt(fault);
  if (fault.how == DelayHow::kSleep && NeedsSpin(holds)) {
    found.Error(at + "/delay",
                absl::StrCat(PointName(fault), " holds ", Section(holds),
                             ": nobody may sleep there (use "
                             "'spin')"));
  }
}

void CheckHold(const Config& config, const Fault& fault, const LruInfo* lru,
               const std::string& at, Findings& found) {
  if (!fault.hold) return;
  const HoldUntil& hold = *fault.hold;
  lru::held holds = HoldsAt(fault);
  // A control may have broken that very section.
  if (config.busted == "none" && NeedsSpin(holds) &&
      OutlivesReaders(lru, hold.at)) {
    found.Warn(at + "/hold_until/at",
               absl::StrCat(Name(hold.at),
                            " comes a grace period after the last "
                            "lookup of the memcg, and ",
                            PointName(fault), " holds ", Section(holds),
                            ": it can never come within that section, the "
                            "hold ends by its timeout"));
  }
  if (lru != nullptr && !lru->Has(hold.at)) {
    found.Warn(
        at + "/hold_until/at",
        absl::StrCat("lru '", lru->name, "' never reaches ", Name(hold.at)));
  }
  if (hold.timeout_us / 1000 >= config.stall_ms) {
    found.Warn(
        at + "/hold_until/timeout_us",
        absl::StrCat(hold.timeout_us, " us is as long as stall_ms ",
                     config.stall_ms, ": the hold may be taken for a stall"));
  }
}

void CheckTarget(const Config& config, const Fault& fault, const LruInfo* lru,
                 const std::string& at, Findings& found) {
  if (lru != nullptr && fault.at != lru::NR_FAULT_POINTS &&
      !lru->Has(fault.at)) {
    found.Warn(at + "/at", absl::StrCat("lru '", lru->name, "' never reaches ",
                                        Name(fault.at)));
  }
  bool worker = std::find(std::begin(kWorkers), std::end(kWorkers),
                          fault.actor) != std::end(kWorkers);
  bool present = std::any_of(
      config.actors.begin(), config.actors.end(),
      [&](const ActorSpec& spec) { return spec.type == fault.actor; });
  if (!fault.actor.empty() && !worker && !present) {
    found.Warn(at + "/actor",
               absl::StrCat("this config has no '", fault.actor, "'"));
  }
  if (fault.nid >= static_cast<int>(config.topology.nids)) {
    found.Warn(at + "/nid",
               absl::StrCat("there is no node ", fault.nid,
                            ": topology.nids is ", config.topology.nids));
  }
  if (fault.depth > static_cast<int>(config.topology.depth)) {
    found.Warn(at + "/depth", absl::StrCat("there is no memcg so deep: "
                                           "topology.depth is ",
                                           config.topology.depth));
  }
}

// A point that the lru does not have would silently never fire.
void CheckImplicit(const Fault& fault, const LruInfo* lru,
                   const std::string& at, Findings& found) {
  if (fault.implicit.empty() || lru == nullptr || lru->implicit.empty()) return;
  ImplicitPoint point = ParseImplicit(fault.implicit);
  std::vector<std::string> names(lru->implicit.begin(), lru->implicit.end());
  if (absl::c_linear_search(names, point.Name())) return;
  const char* side = point.done ? ":done" : "";
  std::string nearest = Nearest(point.Name(), names);
  std::string hint = nearest.empty()
                         ? absl::StrCat("see lrutorture list points --lru ",
                                        lru->name, " --implicit")
                         : absl::StrCat("did you mean '", nearest, side, "'?");
  found.Error(at + "/at",
              absl::StrCat("lru '", lru->name, "' has no implicit point ",
                           PointName(fault), " (", hint, ")"));
}

void CheckEngine(const Config& config, Findings& found) {
  if (config.engine != kExplore) return;
  if (!explore::kFibersWork) {
    found.Error("/engine",
                "explore works on x86-64 processors only (use 'stress')");
  }
  if (config.busted_after_ms != 0) {
    found.Error("/busted_after_ms",
                "engine explore begins anew in each schedule (leave it out)");
  }
  if (!config.stop_on_finding) {
    found.Warn("/on_finding", "engine explore ends with the first finding");
  }
  uint32_t actors = 0;
  for (const ActorSpec& spec : config.actors) actors += spec.count;
  uint32_t most = explore::kFibersMax - explore::kTasksOfLru;
  if (actors > most) {
    found.Error("/actors", absl::StrCat(actors,
                                        " tasks, but engine explore "
                                        "runs at most ",
                                        most));
  }
}

void CheckBusted(const Config& config, Findings& found) {
  const BustedInfo* busted = Catalog::Get().FindBusted(config.busted);
  if (busted != nullptr && !busted->lrus.empty() &&
      std::find(busted->lrus.begin(), busted->lrus.end(), config.lru) ==
          busted->lrus.end()) {
    found.Error("/busted",
                absl::StrCat("control '", busted->name, "' is for lru ",
                             absl::StrJoin(busted->lrus, ", "), ", not for '",
                             config.lru, "'"));
  }
}

void CheckBustedAfter(const Config& config, Findings& found) {
  if (config.busted_after_ms < config.duration_ms) return;
  if (config.busted_after_ms == 0) return;
  found.Error(
      "/busted_after_ms",
      absl::StrCat(config.busted_after_ms,
                   " is not before the end, /duration_ms ", config.duration_ms,
                   ": the control would never act"));
}

// A stage that the lru does not have adds nothing to what is asked for.
void CheckCoverage(const Config& config, const LruInfo* lru, Findings& found) {
  if (lru == nullptr || lru->stages.empty()) return;
  const std::vector<std::string>& names = config.require.coverage.stages;
  for (size_t i = 0; i < names.size(); i++) {
    bool is_stage = absl::c_any_of(lru->stages, [&](const auto& stage) {
      return lru::fault_point_at(stage.fp).name == names[i];
    });
    if (is_stage) continue;
    found.Warn(
        ChildPointer("/require/coverage/stages", i),
        absl::StrCat("'", names[i], "' is no stage of lru '", lru->name,
                     "' (see lrutorture list points --lru ", lru->name, ")"));
  }
}

void CheckTopology(const Topology& topology, Findings& found) {
  if (topology.irq_lrus <= topology.lrus) return;
  found.Error("/topology/irq_lrus",
              absl::StrCat("there are no ", topology.irq_lrus,
                           " lrus: /topology/lrus is ", topology.lrus));
}

void CheckActors(const Config& config, Findings& found) {
  if (config.actors.empty()) {
    found.Error("/actors",
                "there are none; without this key there are the "
                "standard ones");
  }
  uint64_t tasks = 0;
  for (const ActorSpec& spec : config.actors) tasks += spec.count;
  if (tasks > kTasksTotalMax) {
    found.Error("/actors",
                absl::StrCat(tasks, " tasks in all; at most ", kTasksTotalMax));
  }
}

bool Broken(const std::vector<InputError>& errors, const std::string& prefix) {
  return std::any_of(errors.begin(), errors.end(), [&](const InputError& e) {
    return IsWithin(e.pointer, prefix);
  });
}

}  // namespace

bool IsWithin(const std::string& pointer, const std::string& prefix) {
  return pointer.compare(0, prefix.size(), prefix) == 0 &&
         (pointer.size() == prefix.size() || pointer[prefix.size()] == '/');
}

std::string PointName(const Fault& fault) {
  return fault.implicit.empty() ? Name(fault.at) : "'" + fault.implicit + "'";
}

lru::held HoldsAt(const Fault& fault) {
  return fault.implicit.empty() ? lru::fault_point_at(fault.at).holds
                                : ImplicitHolds(ParseImplicit(fault.implicit));
}

void CheckRules(const Json& document, const Config& config,
                const std::vector<InputError>& broken,
                std::vector<InputError>& errors,
                std::vector<InputError>& warnings) {
  Findings found{errors, warnings};
  const LruInfo* lru = Catalog::Get().FindLru(config.lru);
  CheckEngine(config, found);
  if (!Broken(broken, "/duration_ms")) CheckBustedAfter(config, found);
  if (!Broken(broken, "/lru") && !Broken(broken, "/busted")) {
    CheckBusted(config, found);
  }
  if (!Broken(broken, "/topology")) CheckTopology(config.topology, found);
  if (!Broken(broken, "/actors")) CheckActors(config, found);
  CheckCoverage(config, lru, found);
  for (size_t i = 0; i < config.faults.size(); ++i) {
    std::string at = ChildPointer("/faults", i);
    if (Broken(broken, at)) continue;
    const Fault& fault = config.faults[i];
    bool explicit_how =
        document["faults"][i].contains("delay") && fault.how != DelayHow::kAuto;
    CheckKind(fault, at, found);
    CheckHow(fault, explicit_how, at, found);
    CheckHold(config, fault, lru, at, found);
    CheckTarget(config, fault, lru, at, found);
    if (!Broken(broken, "/lru")) CheckImplicit(fault, lru, at, found);
  }
}

}  // namespace harness
