// Numbers: what was done, how long it took, what the faults did, and what a
// green run rules out.
#include <algorithm>
#include <array>
#include <cmath>

#include "harness/report/report_parts.h"
#include "harness/report/snapshot.h"

namespace harness {
namespace {

using Buckets = std::array<uint64_t, Histogram::kBuckets>;

void AddTo(const Histogram& histogram, Buckets* sum) {
  for (int i = 0; i < Histogram::kBuckets; ++i) {
    (*sum)[i] += histogram.count[i].load(kRelaxed);
  }
}

// Upper end of the bucket in which the given share of all samples is reached.
uint64_t Quantile(const Buckets& buckets, uint64_t count, double share) {
  uint64_t wanted =
      static_cast<uint64_t>(std::ceil(share * static_cast<double>(count)));
  uint64_t seen = 0;
  int last = 0;
  for (int i = 0; i < Histogram::kBuckets; ++i) {
    if (buckets[i] == 0) continue;
    last = i;
    seen += buckets[i];
    if (seen >= wanted) break;
  }
  return Histogram::Upper(last);
}

// Null when there is no sample.
Json LatencyToJson(const Recorder& r, const Buckets& buckets) {
  uint64_t count = 0;
  for (uint64_t n : buckets) count += n;
  if (count == 0) return nullptr;
  auto micros = [&](double share) {
    return TicksToMicros(r, Quantile(buckets, count, share));
  };
  return {{"p50", micros(0.5)},
          {"p99", micros(0.99)},
          {"max", micros(1.0)},
          {"count", count}};
}

bool IsOperation(Verb verb) {
  return verb != Verb::k_point && verb != Verb::k_fault;
}

Json OperationsToJson(const Recorder& r) {
  Json operations = Json::object();
  for (int v = 0; v < kVerbs; ++v) {
    if (!IsOperation(static_cast<Verb>(v))) continue;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < TaskCount(r); ++i) {
      sum += r.tasks[i].operations[v].load(kRelaxed);
    }
    if (sum) operations[VerbName(static_cast<Verb>(v))] = Clamped(sum);
  }
  return operations;
}

Json LatenciesToJson(const Recorder& r) {
  Json latencies = Json::object();
  for (int v = 0; v < kVerbs; ++v) {
    if (!IsOperation(static_cast<Verb>(v))) continue;
    Buckets sum = {};
    for (uint32_t i = 0; i < TaskCount(r); ++i) {
      AddTo(r.tasks[i].latency[v], &sum);
    }
    Json latency = LatencyToJson(r, sum);
    if (!latency.is_null()) latencies[VerbName(static_cast<Verb>(v))] = latency;
  }
  for (const lru::fault_point_info& point : lru::fault_points()) {
    Buckets sum = {};
    AddTo(r.stage_latency[point.fp], &sum);
    Json latency = LatencyToJson(r, sum);
    if (!latency.is_null()) latencies[point.name] = latency;
  }
  return latencies;
}

std::string FaultName(const Fault& fault) {
  if (fault.at < lru::NR_FAULT_POINTS) {
    return lru::fault_point_at(fault.at).name;
  }
  return CleanText(fault.implicit);
}

}  // namespace

Json StatsToJson(const Recorder& r, const RunOutcome& outcome) {
  uint64_t teardowns = Clamped(r.teardowns.load(kRelaxed));
  uint64_t contended =
      std::min(r.teardowns_contended.load(kRelaxed), teardowns);
  double per = 1.0 / static_cast<double>(std::max<uint64_t>(teardowns, 1));
  double duration = Rounded(outcome.duration_s);
  Json stats;
  stats["duration_s"] = std::max(duration, 0.0);
  stats["operations"] = OperationsToJson(r);
  stats["teardowns"] = teardowns;
  stats["teardowns_contended"] = contended;
  stats["contended_percent"] =
      Rounded(100.0 * static_cast<double>(contended) * per);
  stats["teardowns_per_s"] =
      duration > 0 ? Rounded(static_cast<double>(teardowns) / duration) : 0.0;
  stats["latency_us"] = LatenciesToJson(r);
  return stats;
}

Json FaultsToJson(const Recorder& r, const Config& config) {
  Json faults = Json::array();
  for (size_t f = 0; f < config.faults.size(); ++f) {
    uint64_t fired = 0, timeouts = 0;
    for (uint32_t i = 0; f < kFaultsMax && i < TaskCount(r); ++i) {
      fired += r.tasks[i].fired[f].load(kRelaxed);
      timeouts += r.tasks[i].timeouts[f].load(kRelaxed);
    }
    faults.push_back({{"at", FaultName(config.faults[f])},
                      {"fired", Clamped(fired)},
                      {"timeouts", Clamped(timeouts)}});
  }
  return faults;
}

Json ConfidenceToJson(const Recorder& r, const Config& config, bool found) {
  if (Exploring(r)) return ExploreConfidenceToJson(r, config, found);
  uint64_t n = Clamped(r.teardowns_contended.load(kRelaxed));
  Json confidence;
  confidence["method"] = "poisson";
  confidence["teardowns_contended"] = n;
  // Null: nothing is ruled out by a run that failed or did nothing.
  confidence["failure_rate_below_95"] = nullptr;
  if (!found && n > 0) {
    confidence["failure_rate_below_95"] = 3.0 / static_cast<double>(n);
  }
  return confidence;
}

Json KnownToJson(const Recorder& r) {
  Json all = Json::array();
  const std::vector<KnownFinding>& known = KnownFindings();
  for (size_t i = 0; i < known.size(); i++) {
    uint64_t seen = r.nr_known[i].load(kRelaxed);
    if (seen == 0) continue;
    all.push_back({{"bug", known[i].bug},
                   {"seen", seen},
                   {"sentence", known[i].sentence}});
  }
  return all;
}

}  // namespace harness
