#include "harness/config_spec.h"

#include <limits>
#include <utility>

#include "harness/config.h"
#include "harness/config_names.h"
#include "harness/flight_recorder.h"

namespace harness {
namespace {

constexpr int64_t kWaitUsMax = 10'000'000;  // 10 s
constexpr int64_t kVisitsMax = 1'000'000'000'000;
constexpr int64_t kDurationMsMax = int64_t{7} * 24 * 3600 * 1000;

Spec Make(SpecType type, std::string doc, Json fallback = nullptr) {
  Spec spec;
  spec.type = type;
  spec.doc = std::move(doc);
  spec.fallback = std::move(fallback);
  return spec;
}

Spec Text(int64_t max, std::string doc) {
  Spec spec = Make(SpecType::kText, std::move(doc));
  spec.max = max;
  return spec;
}

Spec Integer(int64_t min, int64_t max, Json fallback, std::string doc) {
  Spec spec = Make(SpecType::kInteger, std::move(doc), std::move(fallback));
  spec.min = min;
  spec.max = max;
  return spec;
}

Spec Name(std::string noun, std::vector<std::string> names, Json fallback,
          std::string doc) {
  Spec spec = Make(SpecType::kName, std::move(doc), std::move(fallback));
  spec.noun = std::move(noun);
  spec.names = std::move(names);
  return spec;
}

Spec Object(std::string doc, std::vector<SpecKey> keys) {
  Spec spec = Make(SpecType::kObject, std::move(doc));
  spec.noun = "key";
  spec.keys = std::move(keys);
  return spec;
}

Spec Array(int64_t max, Spec item, std::string doc) {
  Spec spec = Make(SpecType::kArray, std::move(doc));
  spec.max = max;
  spec.item.push_back(std::move(item));
  return spec;
}

Spec Point() {
  Spec spec = Name("fault point", FaultPointNames(), nullptr,
                   "Where it happens: a name from `list points`, or "
                   "OUTER/FUNCTION>OP[:done] for an implicit point: one of "
                   "`list points --lru L --implicit`.");
  spec.type = SpecType::kPoint;
  return spec;
}

Spec DelaySpec() {
  Spec spec =
      Object("How long, in microseconds: a number, or a range to draw from.",
             {{"min", Integer(0, kWaitUsMax, 0, "Shortest delay.")},
              {"max", Integer(0, kWaitUsMax, nullptr, "Longest delay."), true},
              {"distribution",
               Name("distribution", NamesIn(kDistributions), "log_uniform",
                    "log_uniform: each doubling is as likely as the next.")}});
  spec.type = SpecType::kNumberOr;
  spec.max = kWaitUsMax;
  return spec;
}

Spec HoldSpec() {
  return Object(
      "Waits here until the same memcg has reached another point.",
      {{"at",
        Name("fault point", FaultPointNames(), nullptr, "What to wait for."),
        true},
       {"timeout_us",
        Integer(1, kWaitUsMax, HoldUntil{}.timeout_us,
                "Goes on after that long all the same; counted.")}});
}

Spec FaultSpec() {
  return Object(
      "What happens at a point, how often, to whom. Exactly one of delay_us, "
      "hold_until, error and reclaim. Visits count per task and fault.",
      {{"at", Point(), true},
       {"delay_us", DelaySpec()},
       {"delay",
        Name("way to delay", NamesIn(kDelayHows), "auto",
             "How to spend delay_us. auto sleeps where that is allowed and "
             "spins where RCU or a spinlock is held.")},
       {"hold_until", HoldSpec()},
       {"error", Name("error", {"ENOMEM"}, nullptr,
                      "The allocation at this error point fails.")},
       {"reclaim", Make(SpecType::kFlag,
                        "Memory is short: the allocation at this point runs a "
                        "shrinker in the same task, and then succeeds.",
                        false)},
       {"one_in", Integer(1, 1'000'000'000, 1, "Probability 1/one_in.")},
       {"interval", Integer(1, kVisitsMax, 1,
                            "Only every interval-th visit is considered.")},
       {"space",
        Integer(0, kVisitsMax, 0, "The first `space` visits never fire.")},
       {"times", Integer(-1, kVisitsMax, -1,
                         "Fires at most so often per task; -1: no limit.")},
       {"nth",
        Integer(0, kVisitsMax, 0, "Only this visit, counted from 1; 0: any.")},
       {"actor", Name("actor", TaskTypeNames(), nullptr,
                      "Only tasks of this type; a worker's name, too.")},
       {"nid", Integer(-1, 15, -1, "Only on this NUMA node; -1: all.")},
       {"depth", Integer(-1, 16, -1,
                         "Only memcgs of this depth, the root's is 0; -1: "
                         "all.")}});
}

Spec ActorItemSpec() {
  ActorSpec standard;
  return Object(
      "Tasks of one type.",
      {{"type",
        Name("actor", ActorNames(), nullptr, "A name from `list actors`."),
        true},
       {"count", Integer(1, 64, standard.count, "How many tasks.")},
       {"ops_per_schedule",
        Integer(1, 1'000'000, nullptr,
                "Operations of each task per schedule; engine explore only. "
                "60, but 4 of a destroyer.")},
       {"pause_us", Integer(0, kWaitUsMax, standard.pause_us,
                            "Pause after each operation, on average.")},
       {"objects",
        Name("kind of objects", NamesIn(kObjectsNames),
             NameOf(kObjectsNames, standard.objects),
             "Which objects it works on: its own, those all tasks share with "
             "no hand-off between them, or both.")}});
}

Spec TopologySpec() {
  Topology standard;
  return Object(
      "What is tortured.",
      {{"nids", Integer(1, 16, standard.nids, "NUMA nodes.")},
       {"lrus", Integer(1, 64, standard.lrus, "list_lrus.")},
       {"irq_lrus",
        Integer(0, 64, standard.irq_lrus,
                "How many of the lrus, from the last, are used with interrupts "
                "off, as workingset's shadow_nodes.")},
       {"memcgs", Integer(1, 512, standard.memcgs,
                          "memcgs alive at a time, besides the root.")},
       {"depth",
        Integer(1, 16, standard.depth, "Levels of the tree below the root.")},
       {"objects", Integer(1, 1'000'000, standard.objects,
                           "Objects in the shared array.")},
       {"slab_reuse",
        Name("slab_reuse", NamesIn(kSlabReuses),
             NameOf(kSlabReuses, standard.slab_reuse),
             "When a freed object's memory may be an object again.")}});
}

Spec ModelSpec() {
  return Object(
      "How memcgs are torn down where ours differs from the kernel's. Without "
      "it, ours for the built-in lrus and the kernel's for a kernel's own.",
      {{"unlink",
        Name("unlink", NamesIn(kUnlinks), nullptr,
             "When a css leaves its parent's children: at its release, as in "
             "the kernel (d5), or before it is freed.")},
       {"id_release",
        Name("id_release", NamesIn(kIdReleases), nullptr,
             "When the id of a memcg may be another's: at the end of its "
             "offline, as in the kernel (d7), or a grace period later.")}});
}

Spec CoverageSpec() {
  constexpr int64_t kNamesMax = 64;
  Spec spec = Object(
      "Window coverage: at least so many percent of the reachable pairs of a "
      "teardown stage and an operation, or of some of them.",
      {{"percent", Integer(0, 100, 100, "So many percent of them.")},
       {"stages", Array(kNamesMax,
                        Name("stage", FaultPointNames(), nullptr,
                             "A stage: see list points --lru L."),
                        "Only pairs with these stages; none: all.")},
       {"operations", Array(kNamesMax,
                            Name("operation", WindowOperationNames(), nullptr,
                                 "An operation of the lru."),
                            "Only pairs with these operations; none: all.")}});
  spec.type = SpecType::kNumberOr;
  spec.max = 100;
  return spec;
}

Spec RequireSpec() {
  Spec operations =
      Object("At least so many finished operations, by operation.", {});
  operations.noun = "operation";
  for (const std::string& verb : OperationNames()) {
    operations.keys.push_back(
        {verb, Integer(0, kVisitsMax, 0, "Finished `" + verb + "`s.")});
  }
  return Object(
      "What a run must have done, or else it is INCONCLUSIVE.",
      {{"teardowns", Integer(0, kVisitsMax, 0, "memcgs torn down to the end.")},
       {"coverage", CoverageSpec()},
       {"operations", std::move(operations)}});
}

Spec StressSpec() {
  return Object(
      "Settings of the engine stress.",
      {{"quiet_ms",
        Integer(0, 60'000, Config{}.quiet_ms,
                "Faults are off for at least so long at the end; then until "
                "everything has converged.")},
       {"stall_ms",
        Integer(10, 600'000, Config{}.stall_ms,
                "No progress for so long is a finding. What is left when the "
                "actors are done has 12 times as long, whatever goes on.")}});
}

Spec ExploreSpec() {
  return Object(
      "Settings of the engine explore.",
      {{"strategy", Name("strategy", StrategyNames(), Config{}.strategy,
                         "How schedules are chosen.")},
       {"schedules",
        Integer(0, kVisitsMax, Config{}.schedules,
                "How many in all. 0: as many as duration_ms allows.")},
       {"steps_max",
        Integer(1, kVisitsMax, Config{}.steps_max,
                "Points after which a schedule that has not ended is a "
                "finding: nobody gets anywhere.")}});
}

Spec NameKey() {
  Spec spec = Text(64,
                   "Names the run's directory: letters, digits, '.', '_' and "
                   "'-'. Default: the file's name.");
  spec.min = 1;
  spec.noun = "file name";
  return spec;
}

}  // namespace

Spec ConfigSpec() {
  Config standard;
  return Object(
      "A torture run. All keys are optional.",
      {{"$schema", Text(1024, "For editors; not read.")},
       {"name", NameKey()},
       {"description", Text(4096, "For people; one paragraph.")},
       {"seed", Integer(0, std::numeric_limits<int64_t>::max(), nullptr,
                        "Seed of the plan. Without one, a run draws it.")},
       {"duration_ms", Integer(1, kDurationMsMax, standard.duration_ms,
                               "How long the actors run.")},
       {"lru", Name("lru", LruNames(), standard.lru, "The subject.")},
       {"engine", Name("engine", {"stress", kExplore}, standard.engine,
                       "stress: real threads. explore: fibers, and the seed is "
                       "the schedule.")},
       {"busted", Name("control", BustedNames(), standard.busted,
                       "One step replaced by a broken version.")},
       {"busted_after_ms",
        Integer(0, kDurationMsMax, 0,
                "The control acts only from then on: is a long run still "
                "able to see it?")},
       {"topology", TopologySpec()},
       {"model", ModelSpec()},
       {"actors", Array(64, ActorItemSpec(),
                        "Who works. Empty: 2 adders, 2 deleters, 1 shrinker, "
                        "2 destroyers.")},
       {"faults", Array(kFaultsMax, FaultSpec(), "The plan.")},
       {"require", RequireSpec()},
       {"stress", StressSpec()},
       {"explore", ExploreSpec()},
       {"on_finding", Name("on_finding", NamesIn(kOnFindings),
                           NameOf(kOnFindings, standard.stop_on_finding),
                           "Whether the run ends with its first finding.")},
       {"findings_max", Integer(1, kFindingsMax, standard.findings_max,
                                "At most so many are reported.")}});
}

}  // namespace harness
