// The report's schema, within what drafts 7 and 2020-12 share, so that both
// validators at hand read it alike: no $ref, no if/then, no unevaluated*.
#include <string>
#include <vector>

#include "harness/report/report_parts.h"

namespace harness {
namespace {

Json Type(const char* type) { return {{"type", type}}; }
Json Text() { return {{"type", "string"}}; }
Json FilledText() { return {{"type", "string"}, {"minLength", 1}}; }
Json Count() { return {{"type", "integer"}, {"minimum", 0}}; }
Json Amount() { return {{"type", "number"}, {"minimum", 0}}; }
Json Pattern(const char* pattern) {
  return {{"type", "string"}, {"pattern", pattern}};
}
Json Enum(std::initializer_list<const char*> values) {
  Json list = Json::array();
  for (const char* value : values) list.push_back(value);
  return {{"enum", list}};
}
Json OrNull(Json schema) {
  return {{"anyOf", Json::array({std::move(schema), Type("null")})}};
}
Json List(Json items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}
Json MapOf(Json values) {
  return {{"type", "object"}, {"additionalProperties", std::move(values)}};
}

// An object with exactly these keys; those in `optional` may be missing.
Json Object(Json properties, const std::vector<std::string>& optional = {}) {
  Json required = Json::array();
  for (const auto& [key, value] : properties.items()) {
    bool may_miss = false;
    for (const std::string& name : optional) may_miss |= name == key;
    if (!may_miss) required.push_back(key);
  }
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

Json Described(Json schema, const char* description) {
  schema["description"] = description;
  return schema;
}

Json FrameSchema() {
  return Object({{"function", Text()}, {"file", Text()}, {"line", Count()}});
}

Json StageSchema() {
  return Object({{"memcg", Count()},
                 {"parent", Count()},
                 {"depth", Type("integer")},
                 {"stage", FilledText()},
                 {"since_us", Amount()}});
}

Json ActorSchema() {
  return Object({{"name", Text()},
                 {"doing", Text()},
                 {"for_us", Amount()},
                 {"held_at", OrNull(Text())},
                 {"waiting_for", OrNull(Text())},
                 {"locks", List(Text())},
                 {"rcu_nesting", Count()},
                 {"stack", List(FrameSchema())}});
}

Json EventSchema() {
  return Object(
      {{"t_us", Described(Type("number"), "relative to the finding's latch")},
       {"task", Text()},
       {"kind", Enum({"operation", "point", "fault"})},
       {"text", FilledText()},
       {"result", OrNull(Type("integer"))},
       {"duration_us", Amount()}});
}

Json SanitizerSchema() {
  Json stack = Object({{"title", Text()}, {"frames", List(FrameSchema())}});
  return Object({{"type", Text()}, {"stacks", List(stack)}});
}

// What is true of one kind only: an invariant has a name, the others none.
Json KindRules() {
  Json invariant = {
      {"properties",
       {{"kind", Enum({"invariant"})}, {"invariant", FilledText()}}}};
  Json other = {{"properties",
                 {{"kind", Enum({"data_race", "memory_error", "leak",
                                 "undefined_behavior", "lock_inversion",
                                 "deadlock", "stall", "crash", "killed"})},
                  {"invariant", Type("null")}}}};
  return Json::array({invariant, other});
}

// In explore all of it, when the schedule of the finding is known.
Json ReplaySchema() {
  return Object(
      {{"command", Text()},
       {"note", Text()},
       {"strategy", Described(FilledText(), "that chose in this schedule")},
       {"schedule_index", Count()},
       {"schedule_seed",
        Described(Type("integer"), "of its operations, faults and choices")},
       {"points", Described(Count(), "visited when it was found")},
       {"trace_hash", Described(Pattern("^[0-9a-f]{16}$"), "of these points")},
       {"reproduced",
        Described(OrNull(Type("boolean")),
                  "run again at once it came to the same; null: it was not")},
       {"schedule",
        Described(OrNull(Text()),
                  "who was chosen where there was a choice, run by run: a "
                  "letter for the task, and how often if more than once. Null "
                  "in `findings` where it is long; `finding` has it")}},
      {"strategy", "schedule_index", "schedule_seed", "points", "trace_hash",
       "reproduced", "schedule"});
}

Json FindingSchema() {
  Json finding =
      Object({{"kind", Enum({"invariant", "data_race", "memory_error", "leak",
                             "undefined_behavior", "lock_inversion", "deadlock",
                             "stall", "crash", "killed"})},
              {"invariant", OrNull(FilledText())},
              {"type", OrNull(FilledText())},
              {"message", FilledText()},
              {"signature", Pattern("^[a-z_]+([|].+)?$")},
              {"task", OrNull(Text())},
              {"memcg", Count()},
              {"stack", List(FrameSchema())},
              {"stage", List(StageSchema())},
              {"actors", List(ActorSchema())},
              {"events", List(EventSchema())},
              {"sanitizer", OrNull(SanitizerSchema())},
              {"replay", ReplaySchema()}});
  finding["oneOf"] = KindRules();
  return finding;
}

Json StatsSchema() {
  Json latency = Object({{"p50", Amount()},
                         {"p99", Amount()},
                         {"max", Amount()},
                         {"count", Count()}});
  return Object(
      {{"duration_s", Amount()},
       {"operations", MapOf(Count())},
       {"teardowns", Count()},
       {"teardowns_contended", Count()},
       {"contended_percent",
        {{"type", "number"}, {"minimum", 0}, {"maximum", 100}}},
       {"teardowns_per_s", Amount()},
       {"latency_us", Described(MapOf(latency),
                                "by operation, and by teardown stage since "
                                "the stage before; in explore of its virtual "
                                "time, where a point takes a microsecond. "
                                "duration_s and rates are of real time")}});
}

Json ExploreSchema() {
  Json replayed = Object(
      {{"points", Described(Count(), "where the hashes were compared")},
       {"trace_hash", Pattern("^[0-9a-f]{16}$")},
       {"identical",
        Described(OrNull(Type("boolean")),
                  "the course was the one that it had to be; null: unknown, "
                  "something was found before the place to compare at")},
       {"reproduced", Type("boolean")}});
  Json times = List(
      Object({{"points", Count()}, {"trace_hash", Pattern("^[0-9a-f]{16}$")}}));
  Json difference =
      Object({{"schedule_index", Count()},
              {"schedule_seed", Type("integer")},
              {"times", Described(times,
                                  "first and second; of dfs the first "
                                  "is not known, and 0")},
              {"command", Text()}});
  return Object(
      {{"strategy", FilledText()},
       {"schedules",
        Described(Count(), "that were run, the one with a finding among them")},
       {"distinct", Described(Count(), "of them, by trace hash")},
       {"repeated", Described(Count(), "run twice, with the same hash")},
       {"schedules_per_s", Amount()},
       {"points", Described(Count(), "visited in them")},
       {"points_per_s", Amount()},
       {"choices",
        Described(Count(), "points with two or more to choose from")},
       {"steps_max", Described(Count(), "points of the longest schedule")},
       {"tasks_max", Count()},
       {"trace_hash",
        Described(Pattern("^[0-9a-f]{16}$"), "of all their hashes, in order")},
       {"exhausted", Described(Type("boolean"), "no schedule is left (dfs)")},
       {"difference",
        Described(difference,
                  "a schedule that was not the same when it was run again: the "
                  "harness failed, and the run ended")},
       {"replayed",
        Described(OrNull(replayed),
                  "a finding's schedule, or the one to be replayed")}},
      {"difference"});
}

// What a run without a finding rules out, by what was done.
Json ConfidenceSchema() {
  Json poisson = Described(
      Object({{"method", Enum({"poisson"})},
              {"teardowns_contended", Count()},
              {"failure_rate_below_95", OrNull(Amount())}}),
      "stress: a failure rate per contended teardown as high as that, at 95 %");
  Json bound = Object({{"depth", Count()},
                       {"schedules", Count()},
                       {"probability_at_least",
                        {{"type", "number"}, {"minimum", 0}, {"maximum", 1}}}});
  Json pct = Described(
      Object({{"method", Enum({"pct"})},
              {"tasks", Count()},
              {"choices", Count()},
              {"bounds", List(bound)}}),
      "explore: 1 - (1 - 1/(n k^(d-1)))^schedules, with n tasks and k choices "
      "at most. A bug of depth d that the operations of each of these "
      "schedules can come to would have been found with at least this "
      "probability, under sequential consistency. Of others it says nothing");
  Json exhausted = Described(
      Object({{"method", Enum({"exhausted"})},
              {"preemptions", Count()},
              {"schedules", Count()}}),
      "explore: no schedule of these operations, of this seed, with at most so "
      "many preemptions breaks anything, under sequential consistency");
  Json none =
      Described(Object({{"method", Enum({"none"})}, {"schedules", Count()}}),
                "explore: nothing but that so many schedules broke nothing");
  return {{"anyOf", Json::array({poisson, pct, exhausted, none})}};
}

Json CoverageSchema() {
  // Of cells for the same reason; their names multiply.
  Json group = Object({{"reason", FilledText()},
                       {"order", Enum({"op_first", "stage_first"})},
                       {"operations", List(FilledText())},
                       {"stages", List(FilledText())}});
  Json cell =
      Object({{"op_first", OrNull(Count())}, {"stage_first", OrNull(Count())}},
             {"op_first"});
  return Object(
      {{"cells_reachable", Count()},
       {"cells_hit", Described(Count(), "of those that are reachable")},
       {"missing", Described(List(FilledText()), "reachable, and not hit")},
       {"matrix",
        Described(MapOf(MapOf(cell)),
                  "by stage and operation: how often they met, by which of "
                  "them began first; null: excluded")},
       {"unforced", Described(List(group),
                              "legal, but no fault makes them meet: counted, "
                              "not demanded")},
       {"excluded", Described(List(group), "cannot meet on a correct lru")}});
}

Json NearMissesSchema() {
  Json kinds = Json::object();
  for (const NearMissInfo& info : NearMissInfos()) {
    kinds[info.name] = Described(Count(), info.doc);
  }
  return Object(std::move(kinds));
}

Json Properties() {
  Json p;
  p["schema"] = Enum({kReportSchemaId});
  p["verdict"] = Enum({"PASS", "FINDING", "INCONCLUSIVE", "ERROR"});
  // No minimum: valijson reads numbers above 2^63 as negative ones.
  p["seed"] = Type("integer");
  p["plan_hash"] = Pattern("^[0-9a-f]{16}$");
  p["config"] = Described(Type("object"),
                          "effective and complete; itself a valid CONFIG");
  p["build"] = Object({{"version", Text()},
                       {"commit", Text()},
                       {"compiler", Text()},
                       {"sanitizer", Enum({"none", "asan", "tsan"})},
                       {"preset", Enum({"release", "asan", "tsan", "gcc"})}});
  p["lru"] = FilledText();
  p["engine"] = Enum({"stress", "explore"});
  p["busted"] = FilledText();
  p["machine"] = Object({{"cores", {{"type", "integer"}, {"minimum", 1}}},
                         {"kernel", Text()},
                         {"memory_gib", Amount()}});
  p["stats"] = StatsSchema();
  p["explore"] = Described(OrNull(ExploreSchema()), "null in stress");
  p["coverage"] = CoverageSchema();
  p["faults"] = List(Object(
      {{"at", FilledText()}, {"fired", Count()}, {"timeouts", Count()}}));
  p["near_misses"] = NearMissesSchema();
  p["confidence"] = ConfidenceSchema();
  p["interrupted"] = Type("boolean");
  p["unmet"] = List(Text());
  p["known"] = Described(
      List(Object({{"bug", FilledText()},
                   {"seen", Count()},
                   {"sentence", FilledText()}})),
      "what is known of this lru, a kernel's own, and was seen again");
  p["truncated"] = Type("boolean");
  p["finding"] = OrNull(FindingSchema());
  p["findings"] = List(FindingSchema());
  return p;
}

// A verdict and what it is about cannot contradict each other.
Json VerdictRules() {
  Json found = {{"properties",
                 {{"verdict", Enum({"FINDING", "ERROR"})},
                  {"finding", Type("object")},
                  {"findings", {{"type", "array"}, {"minItems", 1}}}}}};
  Json none = {{"properties",
                {{"verdict", Enum({"PASS", "INCONCLUSIVE", "ERROR"})},
                 {"finding", Type("null")},
                 {"findings", {{"type", "array"}, {"maxItems", 0}}}}}};
  return Json::array({found, none});
}

}  // namespace

nlohmann::ordered_json ReportSchema() {
  Json schema;
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["$id"] = kReportSchemaId;
  schema["title"] = "lrutorture report";
  schema.update(Object(Properties()));
  schema["oneOf"] = VerdictRules();
  return schema;
}

}  // namespace harness
