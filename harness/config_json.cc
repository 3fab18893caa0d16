#include "harness/config_names.h"
#include "harness/config_spec.h"

namespace harness {
namespace {

Json TopologyToJson(const Topology& topology) {
  return {{"nids", topology.nids},
          {"lrus", topology.lrus},
          {"irq_lrus", topology.irq_lrus},
          {"memcgs", topology.memcgs},
          {"depth", topology.depth},
          {"objects", topology.objects},
          {"slab_reuse", NameOf(kSlabReuses, topology.slab_reuse)}};
}

Json ActorToJson(const ActorSpec& actor) {
  return {{"type", actor.type},
          {"count", actor.count},
          {"ops_per_schedule", actor.ops_per_schedule},
          {"pause_us", actor.pause_us},
          {"objects", NameOf(kObjectsNames, actor.objects)}};
}

void KindToJson(const Fault& fault, Json& out) {
  if (fault.delay) {
    out["delay_us"] = {
        {"min", fault.delay->min_us},
        {"max", fault.delay->max_us},
        {"distribution", NameOf(kDistributions, fault.delay->distribution)}};
    out["delay"] = NameOf(kDelayHows, fault.how);
  }
  if (fault.hold) {
    out["hold_until"] = {{"at", lru::fault_point_at(fault.hold->at).name},
                         {"timeout_us", fault.hold->timeout_us}};
  }
  if (fault.enomem) out["error"] = "ENOMEM";
  if (fault.reclaim) out["reclaim"] = true;
}

Json FaultToJson(const Fault& fault) {
  Json out = Json::object();
  if (fault.implicit.empty()) {
    out["at"] = lru::fault_point_at(fault.at).name;
  } else {
    out["at"] = fault.implicit;
  }
  KindToJson(fault, out);
  out["one_in"] = fault.one_in;
  out["interval"] = fault.interval;
  out["space"] = fault.space;
  out["times"] = fault.times;
  out["nth"] = fault.nth;
  if (!fault.actor.empty()) out["actor"] = fault.actor;
  out["nid"] = fault.nid;
  out["depth"] = fault.depth;
  return out;
}

// The short form where it says it all.
Json CoverageToJson(const CoverageRequired& coverage) {
  if (coverage.stages.empty() && coverage.operations.empty()) {
    return coverage.percent;
  }
  return {{"percent", coverage.percent},
          {"stages", coverage.stages},
          {"operations", coverage.operations}};
}

}  // namespace

nlohmann::ordered_json ToJson(const Config& config) {
  Json out = {{"$schema", kConfigSchemaId},
              {"name", config.name},
              {"description", config.description}};
  if (config.seed) out["seed"] = *config.seed;
  out["duration_ms"] = config.duration_ms;
  out["lru"] = config.lru;
  out["engine"] = config.engine;
  out["busted"] = config.busted;
  out["busted_after_ms"] = config.busted_after_ms;
  out["topology"] = TopologyToJson(config.topology);
  out["model"] = {{"unlink", NameOf(kUnlinks, config.model.unlink)},
                  {"id_release", NameOf(kIdReleases, config.model.id_release)}};
  out["actors"] = Json::array();
  for (const ActorSpec& a : config.actors) {
    out["actors"].push_back(ActorToJson(a));
  }
  out["faults"] = Json::array();
  for (const Fault& f : config.faults) out["faults"].push_back(FaultToJson(f));
  Json operations = Json::object();
  for (const auto& [verb, count] : config.require.operations) {
    operations[verb] = count;
  }
  out["require"] = {{"teardowns", config.require.teardowns},
                    {"coverage", CoverageToJson(config.require.coverage)},
                    {"operations", std::move(operations)}};
  out["stress"] = {{"quiet_ms", config.quiet_ms},
                   {"stall_ms", config.stall_ms}};
  out["explore"] = {{"strategy", config.strategy},
                    {"schedules", config.schedules},
                    {"steps_max", config.steps_max}};
  out["on_finding"] = NameOf(kOnFindings, config.stop_on_finding);
  out["findings_max"] = config.findings_max;
  return out;
}

}  // namespace harness
