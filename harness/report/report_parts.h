// Between the files that make up the report.
#ifndef LRUTORTURE_HARNESS_REPORT_REPORT_PARTS_H_
#define LRUTORTURE_HARNESS_REPORT_REPORT_PARTS_H_

#include <cstddef>

#include "harness/report/report.h"
#include "nlohmann/json.hpp"

namespace harness {

using Json = nlohmann::ordered_json;

inline constexpr char kReportSchemaId[] = "lrutorture:report:1";

// How much of what there is goes in; lowered until the report is small enough.
struct Limits {
  int events_per_task = 12;
  size_t frames = kFramesMax;
  size_t findings = kFindingsMax;
  size_t memcgs = 64;
  size_t actors = lru::kTasksMax;
};

// `first` carries the snapshot (stage, actors, events) as well: recording
// stopped with it, so the others have none of their own.
Json FindingToJson(const Recorder& r, const FindingSlot& slot,
                   const RunOutcome& outcome, const Limits& limits, bool first);
// Names for every address a report may contain, looked up in one go.
void PrefetchFindingSymbols(const Recorder& r);
Json FramesToJson(const uint64_t* frames, uint32_t count, size_t max);

Json StagesToJson(const Recorder& r, const FindingSlot& slot, size_t max);
Json ActorsToJson(const Recorder& r, const FindingSlot& slot,
                  const Limits& limits);
Json EventsToJson(const Recorder& r, const FindingSlot& slot, int per_task);

Json StatsToJson(const Recorder& r, const RunOutcome& outcome);
Json FaultsToJson(const Recorder& r, const Config& config);
Json CoverageToJson(const Recorder& r, const Config& config);
Json NearMissesToJson(const Recorder& r);
Json KnownToJson(const Recorder& r);  // those that were seen
Json ConfidenceToJson(const Recorder& r, const Config& config, bool found);

// Null but in explore.
Json ExploreToJson(const Recorder& r, const Config& config,
                   const RunOutcome& outcome);
Json ExploreConfidenceToJson(const Recorder& r, const Config& config,
                             bool found);
Json ExploreReplayToJson(const Recorder& r, const FindingSlot& slot,
                         const RunOutcome& outcome, bool first);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_REPORT_REPORT_PARTS_H_
