#include <type_traits>

#include "harness/config_names.h"
#include "harness/config_parts.h"
#include "harness/config_spec.h"

namespace harness {
namespace {

// One object of the document, or nothing at all.
class Reader {
 public:
  explicit Reader(const Json* object)
      : object_(object != nullptr && object->is_object() ? object : nullptr) {}

  const Json* Find(const char* key) const {
    if (object_ == nullptr) return nullptr;
    auto it = object_->find(key);
    return it == object_->end() ? nullptr : &*it;
  }

  template <class Number>
  void Integer(const char* key, Number& out) const {
    const Json* value = Find(key);
    if (value == nullptr || !value->is_number()) return;
    if (!value->is_number_float()) {
      out = static_cast<Number>(value->get<int64_t>());
    } else if (double d = value->get<double>(); d > -0x1p63 && d < 0x1p63) {
      out = static_cast<Number>(static_cast<int64_t>(d));
    }
  }

  void Flag(const char* key, bool& out) const {
    const Json* value = Find(key);
    if (value != nullptr && value->is_boolean()) out = value->get<bool>();
  }

  void Text(const char* key, std::string& out) const {
    const Json* value = Find(key);
    if (value != nullptr && value->is_string()) out = value->get<std::string>();
  }

  void Texts(const char* key, std::vector<std::string>& out) const {
    const Json* array = Find(key);
    if (array == nullptr || !array->is_array()) return;
    for (const Json& value : *array) {
      if (value.is_string()) out.push_back(value.get<std::string>());
    }
  }

  template <class E, size_t n>
  void Enum(const char* key, const EnumName<E> (&table)[n], E& out) const {
    std::string name;
    Text(key, name);
    out = ByName(table, name, out);
  }

  void Point(const char* key, lru::fault_point& out) const {
    std::string name;
    Text(key, name);
    out = lru::fault_point_by_name(name);
  }

  // Calls read(element) for each object of an array.
  template <class Read>
  void Each(const char* key, size_t max, Read read) const {
    const Json* array = Find(key);
    if (array == nullptr || !array->is_array()) return;
    for (size_t i = 0; i < array->size() && i < max; ++i) {
      read(Reader(&(*array)[i]));
    }
  }

 private:
  const Json* object_;
};

Delay ReadDelay(const Json& value, const Reader& fault) {
  Delay delay;
  if (value.is_object()) {
    Reader object(&value);
    object.Integer("min", delay.min_us);
    object.Integer("max", delay.max_us);
    object.Enum("distribution", kDistributions, delay.distribution);
  } else {
    fault.Integer("delay_us", delay.min_us);
    delay.max_us = delay.min_us;
  }
  return delay;
}

Fault ReadFault(const Reader& in) {
  Fault fault;
  in.Point("at", fault.at);
  std::string at;
  in.Text("at", at);
  if (LooksImplicit(at)) fault.implicit = at;
  if (const Json* delay = in.Find("delay_us")) {
    fault.delay = ReadDelay(*delay, in);
  }
  in.Enum("delay", kDelayHows, fault.how);
  if (const Json* hold = in.Find("hold_until")) {
    fault.hold.emplace();
    Reader(hold).Point("at", fault.hold->at);
    Reader(hold).Integer("timeout_us", fault.hold->timeout_us);
  }
  fault.enomem = in.Find("error") != nullptr;
  in.Flag("reclaim", fault.reclaim);
  in.Integer("one_in", fault.one_in);
  in.Integer("interval", fault.interval);
  in.Integer("space", fault.space);
  in.Integer("times", fault.times);
  in.Integer("nth", fault.nth);
  in.Text("actor", fault.actor);
  in.Integer("nid", fault.nid);
  in.Integer("depth", fault.depth);
  return fault;
}

ActorSpec ActorOf(const std::string& type) {
  ActorSpec actor;
  actor.type = type;
  if (const ActorInfo* info = Catalog::Get().FindActor(type)) {
    actor.ops_per_schedule = info->ops_per_schedule;
  }
  return actor;
}

ActorSpec ReadActor(const Reader& in) {
  std::string type;
  in.Text("type", type);
  ActorSpec actor = ActorOf(type);
  in.Integer("count", actor.count);
  in.Integer("pause_us", actor.pause_us);
  in.Enum("objects", kObjectsNames, actor.objects);
  in.Integer("ops_per_schedule", actor.ops_per_schedule);
  return actor;
}

std::vector<ActorSpec> StandardActors() {
  std::vector<ActorSpec> actors = {ActorOf("adder"), ActorOf("deleter"),
                                   ActorOf("shrinker"), ActorOf("destroyer")};
  for (ActorSpec& actor : actors) actor.count = 2;
  actors[2].count = 1;
  return actors;
}

void ReadTopology(const Reader& in, Topology& topology) {
  in.Integer("nids", topology.nids);
  in.Integer("lrus", topology.lrus);
  in.Integer("irq_lrus", topology.irq_lrus);
  in.Integer("memcgs", topology.memcgs);
  in.Integer("depth", topology.depth);
  in.Integer("objects", topology.objects);
  in.Enum("slab_reuse", kSlabReuses, topology.slab_reuse);
}

// A kernel's own lru stands where its kernel's teardown is as it is.
Model ModelOf(const std::string& lru) {
  const LruInfo* info = Catalog::Get().FindLru(lru);
  if (info == nullptr || !info->plugin) return {};
  return {Unlink::kRelease, IdRelease::kOffline};
}

CoverageRequired ReadCoverage(const Reader& require) {
  CoverageRequired coverage;
  const Json* value = require.Find("coverage");
  if (value == nullptr) return coverage;
  if (!value->is_object()) {
    require.Integer("coverage", coverage.percent);
    return coverage;
  }
  Reader in(value);
  coverage.percent = 100;
  in.Integer("percent", coverage.percent);
  in.Texts("stages", coverage.stages);
  in.Texts("operations", coverage.operations);
  return coverage;
}

void ReadRequire(const Reader& in, Require& require) {
  in.Integer("teardowns", require.teardowns);
  require.coverage = ReadCoverage(in);
  Reader operations(in.Find("operations"));
  for (const std::string& verb : OperationNames()) {
    if (operations.Find(verb.c_str()) != nullptr) {
      operations.Integer(verb.c_str(), require.operations[verb]);
    }
  }
}

}  // namespace

Config ReadConfig(const Json& document) {
  Config config;
  Reader in(&document);
  in.Text("name", config.name);
  in.Text("description", config.description);
  if (in.Find("seed") != nullptr) in.Integer("seed", config.seed.emplace());
  in.Integer("duration_ms", config.duration_ms);
  in.Text("lru", config.lru);
  in.Text("engine", config.engine);
  in.Text("busted", config.busted);
  in.Integer("busted_after_ms", config.busted_after_ms);
  ReadTopology(Reader(in.Find("topology")), config.topology);
  config.model = ModelOf(config.lru);
  Reader model(in.Find("model"));
  model.Enum("unlink", kUnlinks, config.model.unlink);
  model.Enum("id_release", kIdReleases, config.model.id_release);
  if (in.Find("actors") == nullptr) config.actors = StandardActors();
  in.Each("actors", 64,
          [&](const Reader& r) { config.actors.push_back(ReadActor(r)); });
  in.Each("faults", 64,
          [&](const Reader& r) { config.faults.push_back(ReadFault(r)); });
  ReadRequire(Reader(in.Find("require")), config.require);
  Reader stress(in.Find("stress"));
  stress.Integer("quiet_ms", config.quiet_ms);
  stress.Integer("stall_ms", config.stall_ms);
  Reader explore(in.Find("explore"));
  explore.Text("strategy", config.strategy);
  explore.Integer("schedules", config.schedules);
  explore.Integer("steps_max", config.steps_max);
  in.Enum("on_finding", kOnFindings, config.stop_on_finding);
  in.Integer("findings_max", config.findings_max);
  return config;
}

}  // namespace harness
