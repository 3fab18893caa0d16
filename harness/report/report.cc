#include "harness/report/report.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <memory>

#include "harness/finding_raw.h"
#include "harness/report/build_info.h"
#include "harness/report/report_parts.h"
#include "harness/report/snapshot.h"
#include "harness/supervisor.h"

namespace harness {
namespace {

constexpr size_t kBytesMax = 256 * 1024;

// What is given up, step by step, until a report fits: events, then frames,
// then later findings, then actors and memcgs.
constexpr Limits kSteps[] = {
    {12, kFramesMax, kFindingsMax, 64, lru::kTasksMax},
    {6, kFramesMax, kFindingsMax, 64, lru::kTasksMax},
    {3, kFramesMax, kFindingsMax, 64, lru::kTasksMax},
    {3, 16, kFindingsMax, 64, lru::kTasksMax},
    {2, 8, kFindingsMax, 64, lru::kTasksMax},
    {1, 4, 16, 64, lru::kTasksMax},
    {0, 2, 4, 32, 64},
    {0, 0, 1, 16, 32},
};

const char* VerdictName(int exit_code) {
  switch (exit_code) {
    case kExitPass:
      return "PASS";
    case kExitFinding:
      return "FINDING";
    case kExitInconclusive:
      return "INCONCLUSIVE";
    default:
      return "ERROR";
  }
}

Json BuildToJson() {
  return {{"version", BuildVersion()},
          {"commit", BuildCommit()},
          {"compiler", BuildCompiler()},
          {"sanitizer", BuildSanitizer()},
          {"preset", BuildPreset()}};
}

// No host name: reports get published.
Json MachineToJson() {
  utsname names = {};
  struct sysinfo info = {};
  uname(&names);
  sysinfo(&info);
  double gib = static_cast<double>(info.totalram) * info.mem_unit /
               (1024.0 * 1024.0 * 1024.0);
  return {{"cores", get_nprocs()},
          {"kernel", CleanText(names.release)},
          {"memory_gib", Rounded(gib)}};
}

// A verdict of FINDING always has one: the process may have died between
// claiming a slot and publishing it, or before that.
std::unique_ptr<FindingSlot> MissingFinding(const Recorder& r) {
  auto slot = std::make_unique<FindingSlot>();
  slot->kind = Kind::kKilled;
  slot->task = ~0u;
  slot->ticks = r.run_end_ticks.load(std::memory_order_relaxed);
  RawText(slot->message, sizeof(slot->message))
      .Str("The torture process ended before it could say what it found.");
  return slot;
}

Json FindingsToJson(const Recorder& r, const RunOutcome& outcome,
                    const Limits& limits) {
  std::vector<const FindingSlot*> slots = ReadyFindings(r);
  std::unique_ptr<FindingSlot> missing;
  if (slots.empty() && outcome.exit_code == kExitFinding) {
    missing = MissingFinding(r);
    slots.push_back(missing.get());
  }
  Json findings = Json::array();
  for (const FindingSlot* slot : slots) {
    if (findings.size() >= limits.findings) break;
    findings.push_back(
        FindingToJson(r, *slot, outcome, limits, findings.empty()));
  }
  return findings;
}

// A long schedule stands in the report once, in `finding`.
void ShortenCopy(Json& replay) {
  constexpr size_t kBytesTwice = 32 * 1024;
  auto schedule = replay.find("schedule");
  if (schedule == replay.end() || !schedule->is_string()) return;
  if (schedule->get_ref<const std::string&>().size() <= kBytesTwice) return;
  *schedule = nullptr;
}

Json ConfigToJson(Config config, uint64_t seed) {
  config.seed = seed;
  return ToJson(config);
}

Json Assemble(const Recorder& r, const Config& config, uint64_t seed,
              const RunOutcome& outcome, const Limits& limits) {
  Json report;
  report["schema"] = kReportSchemaId;
  report["verdict"] = VerdictName(outcome.exit_code);
  report["seed"] = seed;
  report["plan_hash"] = CleanText(outcome.plan_hash);
  report["config"] = ConfigToJson(config, seed);
  report["build"] = BuildToJson();
  report["lru"] = CleanText(config.lru);
  report["engine"] = CleanText(config.engine);
  report["busted"] = CleanText(config.busted);
  report["machine"] = MachineToJson();
  report["stats"] = StatsToJson(r, outcome);
  report["explore"] = ExploreToJson(r, config, outcome);
  report["coverage"] = CoverageToJson(r, config);
  report["faults"] = FaultsToJson(r, config);
  report["near_misses"] = NearMissesToJson(r);
  Json findings = FindingsToJson(r, outcome, limits);
  report["confidence"] = ConfidenceToJson(r, config, !findings.empty());
  report["interrupted"] = outcome.interrupted;
  report["unmet"] = Json::array();
  for (const std::string& line : outcome.unmet) {
    report["unmet"].push_back(CleanText(line));
  }
  report["known"] = KnownToJson(r);
  report["truncated"] = false;
  report["finding"] = findings.empty() ? Json(nullptr) : findings[0];
  for (Json& finding : findings) ShortenCopy(finding["replay"]);
  report["findings"] = std::move(findings);
  return report;
}

bool Fits(const Json& report) {
  return report.dump(2, ' ', false, Json::error_handler_t::replace).size() <=
         kBytesMax;
}

}  // namespace

nlohmann::ordered_json MakeReport(const Recorder& snapshot,
                                  const Config& config, uint64_t seed,
                                  const RunOutcome& outcome) {
  PrefetchFindingSymbols(snapshot);
  Json report;
  for (const Limits& limits : kSteps) {
    report = Assemble(snapshot, config, seed, outcome, limits);
    report["truncated"] = &limits != &kSteps[0];
    if (Fits(report)) return report;
  }
  // Only the config can still be that large.
  report["config"]["description"] = "";
  return report;
}

}  // namespace harness
