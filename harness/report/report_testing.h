// For tests: recorders filled by hand as a run would leave them, one per kind
// of finding, and the broken reports that no validator may let pass.
#ifndef LRUTORTURE_HARNESS_REPORT_REPORT_TESTING_H_
#define LRUTORTURE_HARNESS_REPORT_REPORT_TESTING_H_

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/event.h"
#include "harness/report/report_parts.h"
#include "harness/supervisor.h"

namespace harness {

struct FreeRecorder {
  void operator()(Recorder* r) const { free(r); }
};
using RecorderPtr = std::unique_ptr<Recorder, FreeRecorder>;

inline constexpr uint64_t kLatchTicks = 10'000'000;
inline constexpr Kind kAllKinds[] = {
    Kind::kInvariant,
    Kind::kDataRace,
    Kind::kMemoryError,
    Kind::kLeak,
    Kind::kUndefinedBehavior,
    Kind::kLockInversion,
    Kind::kDeadlock,
    Kind::kStall,
    Kind::kCrash,
    Kind::kKilled,
};

template <size_t kSize>
void SetText(char (&to)[kSize], const char* text) {
  snprintf(to, kSize, "%s", text);
}

inline TaskSlot& AddTask(Recorder* r, const char* name) {
  uint32_t index = r->nr_tasks++;
  TaskSlot& slot = r->tasks[index];
  SetText(slot.task.name, name);
  slot.task.id = index;
  slot.task.in_use = true;
  slot.task.waiting_for.nid = -1;
  slot.fp_here = ~0u;
  return slot;
}

inline void Begin(TaskSlot& slot, const Operation& op, uint64_t ticks) {
  StoreOperation(slot.op_words, op);
  slot.op_started_ticks = ticks;
}

inline void Hold(TaskSlot& slot, const char* name, const void* lock, int nid) {
  lru::lock_ref& ref = slot.task.held[slot.task.nr_held++];
  ref.lock = lock;
  ref.name = name;
  ref.nid = nid;
}

inline void Wait(TaskSlot& slot, const char* name, const void* lock, int nid) {
  slot.task.waiting = "spin_lock";
  slot.task.waiting_for.lock = lock;
  slot.task.waiting_for.name = name;
  slot.task.waiting_for.nid = nid;
}

inline void AddMemcg(Recorder* r, uint32_t serial, lru::fault_point stage) {
  MemcgSlot& memcg = r->memcgs[serial % kMemcgSlots];
  memcg.serial = serial;
  memcg.parent = serial / 2;
  memcg.depth = 2;
  memcg.stage = stage;
  memcg.reached = uint64_t{1} << lru::FP_css_dying_set | uint64_t{1} << stage;
  memcg.stage_ticks = kLatchTicks - 34'000;
}

// A run of a second with an adder, a destroyer and a worker in mid-teardown.
inline RecorderPtr MakeRecorder() {
  RecorderPtr r(static_cast<Recorder*>(calloc(1, sizeof(Recorder))));
  r->ticks_per_ns = 1;
  r->teardowns = 2000;
  r->teardowns_contended = 1900;
  TaskSlot& adder = AddTask(r.get(), "adder-0");
  TaskSlot& destroyer = AddTask(r.get(), "destroyer-0");
  TaskSlot& worker = AddTask(r.get(), "wq-offline");
  Operation add = {Verb::k_add, 17, 4, 1, 0};
  for (uint64_t i = 0; i < 300; ++i) {
    WriteEvent(adder, kLatchTicks - 3000 * (300 - i), add, 1, 700);
    adder.latency[static_cast<int>(Verb::k_add)].Add(100 + i);
  }
  adder.operations[static_cast<int>(Verb::k_add)] = 300;
  Begin(adder, add, kLatchTicks - 2000);
  adder.fp_here = lru::FP_memcg_looked_up;
  adder.task.api = "list_lru_add";
  adder.task.rcu_nesting = 1;
  WriteEvent(adder, kLatchTicks - 1500,
             {Verb::k_fault, lru::FP_memcg_looked_up, 0, 0, -1}, 0, 0);
  Operation destroy = {Verb::k_destroy, 0, 4, 0, -1};
  Begin(destroyer, destroy, kLatchTicks - 90'000);
  worker.task.api = "css_offline";
  for (lru::fault_point fp : {lru::FP_offline_begin, lru::FP_kmemcg_ids_changed,
                              lru::FP_node_spliced}) {
    Operation point = {Verb::k_point, 0, 4, 1, 0};
    WriteEvent(worker, kLatchTicks - 34'000 + fp, point, fp, 0);
    r->stage_latency[fp].Add(5000);
  }
  AddMemcg(r.get(), 4, lru::FP_node_spliced);
  AddMemcg(r.get(), 9, lru::FP_kill_confirmed);
  return r;
}

inline void AddStack(FindingSlot* slot, const char* title, const void* code) {
  SanitizerStack& stack = slot->stacks[slot->nr_stacks++];
  SetText(stack.title, title);
  stack.frames[stack.nr_frames++] = reinterpret_cast<uint64_t>(code) + 1;
}

inline FindingSlot* AddFinding(Recorder* r, Kind kind, const char* type,
                               const char* message) {
  FindingSlot* slot = &r->findings[r->nr_findings++];
  slot->kind = kind;
  slot->ticks = kLatchTicks;
  slot->memcg = 4;
  slot->frames[0] = reinterpret_cast<uint64_t>(&lru::fault_point_slow) + 1;
  slot->nr_frames = 1;
  SetText(slot->type, type);
  SetText(slot->message, message);
  slot->ready = 1;
  return slot;
}

// What is typical of each kind.
inline RecorderPtr MakeRecorderWith(Kind kind) {
  static int locks[2];
  RecorderPtr r = MakeRecorder();
  const void* code = reinterpret_cast<const void*>(&lru::fault_point_slow);
  bool by_sanitizer = kind == Kind::kDataRace || kind == Kind::kMemoryError ||
                      kind == Kind::kLeak || kind == Kind::kLockInversion ||
                      kind == Kind::kUndefinedBehavior;
  const char* type = kind == Kind::kCrash ? "SIGSEGV"
                     : by_sanitizer       ? "some-report"
                                          : "";
  FindingSlot* slot = AddFinding(
      r.get(), kind, type,
      "Item o17 is on no list, but memcg m4 was emptied into its parent m2 "
      "and nobody took the item.");
  if (kind == Kind::kInvariant) SetText(slot->invariant, "items_conserved");
  if (kind == Kind::kKilled) slot->task = ~0u;
  if (by_sanitizer) {
    AddStack(slot, "write of size 8 by wq-offline, holding no lock", code);
    AddStack(slot, "earlier write of size 8 by adder-0", code);
  }
  if (kind == Kind::kDeadlock) {
    Hold(r->tasks[0], "nlru->lock", &locks[0], 0);
    Wait(r->tasks[0], "list_lrus_mutex", &locks[1], -1);
    Hold(r->tasks[2], "list_lrus_mutex", &locks[1], -1);
    Wait(r->tasks[2], "nlru->lock", &locks[0], 0);
  }
  return r;
}

inline Config SomeConfig() {
  Config config;
  config.name = "teardown";
  Fault delay;
  delay.at = lru::FP_memcg_looked_up;
  delay.delay = Delay{1, 200, Distribution::kLogUniform};
  config.faults.push_back(delay);
  return config;
}

inline RunOutcome SomeOutcome(int exit_code) {
  RunOutcome outcome;
  outcome.exit_code = exit_code;
  outcome.duration_s = 1.25;
  outcome.plan_hash = "0123456789abcdef";
  outcome.command = "lrutorture run configs/teardown.json --seed 7";
  return outcome;
}

inline Json ReportOf(Kind kind) {
  RecorderPtr r = MakeRecorderWith(kind);
  return MakeReport(*r, SomeConfig(), 7, SomeOutcome(kExitFinding));
}

inline Json PassingReport() {
  RecorderPtr r = MakeRecorder();
  return MakeReport(*r, SomeConfig(), 7, SomeOutcome(kExitPass));
}

// Of explore: `schedules` came to their end, ten times as many points in each.
inline void AddExplored(Recorder* r, uint64_t schedules) {
  explore::Record& e = r->explore;
  e.began_ns = 1'000'000'000;
  e.ended_ns = 1'500'000'000;
  e.schedules = schedules;
  e.distinct = schedules - 1;
  e.points = 10 * schedules;
  e.hash = 0x1234;
  e.pct_fibers = 5;
  e.pct_choices = 100;
  e.pct_schedules[2] = schedules / 2;
  r->ticks_per_ns = 0.001;
}

// And the schedule in which the finding is: a3 c a2.
inline void AddSchedule(Recorder* r) {
  explore::Record& e = r->explore;
  e.index = 41;
  e.seed = 99;
  SetText(e.strategy, "pct:3");
  for (uint32_t fiber : {0, 0, 0, 2, 0, 0}) e.log.Append(fiber);
  e.counts.steps = 1234;
  e.counts.hash = 0xabcdef;
  r->findings[0].points = 1230;
  r->findings[0].trace_hash = 0xabc;
}

inline RecorderPtr MakeExploreRecorder(Kind kind) {
  RecorderPtr r = MakeRecorderWith(kind);
  r->phase = static_cast<uint32_t>(Phase::kRun);
  AddExplored(r.get(), 41);
  AddSchedule(r.get());
  return r;
}

inline Config ExploreConfig() {
  Config config = SomeConfig();
  config.engine = kExplore;
  return config;
}

inline Json ExploreReportOf(Kind kind,
                            const std::optional<Replayed>& replayed = {}) {
  RecorderPtr r = MakeExploreRecorder(kind);
  RunOutcome outcome = SomeOutcome(kExitFinding);
  outcome.replay_command = "lrutorture replay out/x/report.json";
  outcome.replayed = replayed;
  return MakeReport(*r, ExploreConfig(), 7, outcome);
}

inline Json ExplorePassingReport(const char* strategy = "portfolio",
                                 bool exhausted = false) {
  RecorderPtr r = MakeRecorder();
  AddExplored(r.get(), 1000);
  r->explore.exhausted = exhausted;
  Config config = ExploreConfig();
  config.strategy = strategy;
  return MakeReport(*r, config, 7, SomeOutcome(kExitPass));
}

using NamedReports = std::vector<std::pair<std::string, Json>>;

inline NamedReports GoodReports() {
  NamedReports reports = {{"pass", PassingReport()}};
  for (Kind kind : kAllKinds)
    reports.emplace_back(KindName(kind), ReportOf(kind));
  reports.emplace_back("explore_pass", ExplorePassingReport());
  reports.emplace_back("explore_all", ExplorePassingReport("dfs:2", true));
  reports.emplace_back("explore_found", ExploreReportOf(Kind::kInvariant));
  reports.emplace_back(
      "explore_found_again",
      ExploreReportOf(Kind::kDataRace, Replayed{1230, 0xabc, true, true}));
  reports.emplace_back(
      "explore_found_sooner",
      ExploreReportOf(Kind::kDataRace,
                      Replayed{1229, 0xabd, std::nullopt, true}));
  return reports;
}

// Each with one thing wrong.
inline NamedReports BrokenReports() {
  NamedReports broken;
  Json good = ReportOf(Kind::kDataRace);
  auto with = [&](const char* what, auto change) {
    Json report = good;
    change(report);
    broken.emplace_back(what, report);
  };
  for (const auto& [key, value] : good.items()) {
    with(("without_" + key).c_str(), [&](Json& r) { r.erase(key); });
  }
  for (const auto& [key, value] : good["finding"].items()) {
    with(("finding_without_" + key).c_str(),
         [&](Json& r) { r["findings"][0].erase(key); });
  }
  with("explore_without_a_count",
       [](Json& r) { r["explore"] = {{"strategy", "random"}}; });
  with("confidence_of_no_method",
       [](Json& r) { r["confidence"] = {{"method", "hope"}}; });
  with("trace_hash_cut_short",
       [](Json& r) { r["finding"]["replay"]["trace_hash"] = "abc"; });
  with("unknown_key", [](Json& r) { r["extra"] = 1; });
  with("unknown_kind", [](Json& r) { r["finding"]["kind"] = "bad_luck"; });
  with("wrong_schema", [](Json& r) { r["schema"] = "lrutorture:report:0"; });
  with("negative_count", [](Json& r) { r["stats"]["teardowns"] = -1; });
  with("text_for_number", [](Json& r) { r["stats"]["teardowns"] = "1"; });
  with("short_hash", [](Json& r) { r["plan_hash"] = "abc"; });
  with("pass_with_finding", [](Json& r) { r["verdict"] = "PASS"; });
  with("finding_without_any", [](Json& r) { r["findings"] = Json::array(); });
  with("race_with_invariant",
       [](Json& r) { r["finding"]["invariant"] = "no_leak"; });
  with("frame_without_line", [](Json& r) {
    r["finding"]["sanitizer"]["stacks"][0]["frames"][0].erase("line");
  });
  return broken;
}

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_REPORT_REPORT_TESTING_H_
