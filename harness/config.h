// The configuration of one run, and how it is read from JSON: every error at
// once, JSON pointer first, with the nearest valid name.
#ifndef LRUTORTURE_HARNESS_CONFIG_H_
#define LRUTORTURE_HARNESS_CONFIG_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/catalog.h"
#include "lru/fault_points.h"
#include "nlohmann/json_fwd.hpp"

namespace harness {

enum class Distribution { kUniform, kLogUniform };
// kAuto sleeps where sleeping is allowed and spins elsewhere.
enum class DelayHow { kAuto, kSleep, kSpin, kYield };

struct Delay {
  uint64_t min_us = 0;
  uint64_t max_us = 0;
  Distribution distribution = Distribution::kLogUniform;
};

// Waits at the fault's point until the same memcg has reached `at` (any memcg
// when the site names none), or until the time is over.
struct HoldUntil {
  lru::fault_point at = lru::NR_FAULT_POINTS;
  uint64_t timeout_us = 5000;
};

// What happens at a point, how often, to whom. The attributes follow the
// kernel's fault injection and count per task and fault.
struct Fault {
  // An explicit point, or NR_FAULT_POINTS and `implicit` set to
  // `OUTER/FUNCTION>OP[:done]`.
  lru::fault_point at = lru::NR_FAULT_POINTS;
  std::string implicit;
  std::optional<Delay> delay;
  DelayHow how = DelayHow::kAuto;
  std::optional<HoldUntil> hold;
  bool enomem = false;    // error points only
  bool reclaim = false;   // where lru::may_reclaim_at() says so
  uint64_t one_in = 1;    // probability 1/one_in
  uint64_t interval = 1;  // every interval-th matching visit is considered
  uint64_t space = 0;     // the first `space` matching visits never fire
  int64_t times = -1;     // at most so often per task; -1: no limit
  uint64_t nth = 0;       // only this visit (1-based); 0: any
  std::string actor;      // only tasks of this type; empty: all
  int nid = -1;           // only on this node; -1: all
  int depth = -1;         // only memcgs of this depth; -1: all
};

enum class Objects { kOwn, kShared, kBoth };
enum class SlabReuse { kNever, kAfterGracePeriod, kImmediate };

struct ActorSpec {
  std::string type;
  uint32_t count = 1;
  uint64_t pause_us = 0;  // after each operation, on average
  Objects objects = Objects::kBoth;
  // Of each task, and no pauses between them; engine explore only. Read from a
  // config that does not say: ActorInfo::ops_per_schedule of its type.
  uint32_t ops_per_schedule = 60;
};

struct Topology {
  uint32_t nids = 2;
  uint32_t lrus = 2;
  uint32_t irq_lrus = 0;   // of these, the last ones
  uint32_t memcgs = 8;     // alive at a time, besides the root
  uint32_t depth = 2;      // of the tree below the root
  uint32_t objects = 256;  // shared array; each task owns as many / actors
  SlabReuse slab_reuse = SlabReuse::kAfterGracePeriod;
};

// At least so many percent of the reachable cells of these stages and
// operations; of all where none is named.
struct CoverageRequired {
  uint64_t percent = 0;
  std::vector<std::string> stages;
  std::vector<std::string> operations;
};

struct Require {
  uint64_t teardowns = 0;
  CoverageRequired coverage;
  std::map<std::string, uint64_t> operations;  // by verb
};

// Where our teardown differs from the kernel's own (bugs d5 and d7).
enum class Unlink { kRelease, kFree };
enum class IdRelease { kOffline, kAfterGracePeriod };
struct Model {
  Unlink unlink = Unlink::kFree;
  IdRelease id_release = IdRelease::kAfterGracePeriod;
};

struct Config {
  std::string name = "unnamed";
  std::string description;
  std::optional<uint64_t> seed;
  uint64_t duration_ms = 10'000;
  std::string lru = "node-lock";
  std::string engine = "stress";
  std::string busted = "none";
  uint64_t busted_after_ms = 0;  // the control acts from then on
  Topology topology;
  Model model;  // of an lru that is a kernel's own: the kernel's, by default
  std::vector<ActorSpec> actors;
  std::vector<Fault> faults;
  Require require;
  uint64_t quiet_ms = 100;   // at least; then until everything has converged
  uint64_t stall_ms = 5000;  // no progress for so long is a finding
  std::string strategy = "portfolio";  // explore{}: unused by stress
  uint64_t schedules = 0;              // 0: as many as duration_ms allows
  uint64_t steps_max = 5'000'000;
  bool stop_on_finding = true;
  uint32_t findings_max = 16;
};

inline constexpr char kExplore[] = "explore";  // the value of `engine`

// One line each, "POINTER: what (did you mean 'X'?)", in document order.
using ConfigErrors = std::vector<std::string>;
using ConfigWarnings = std::vector<std::string>;

// The nearest of `names`, or empty when none is near enough to suggest.
std::string Nearest(std::string_view wrong,
                    const std::vector<std::string>& names);
// " (did you mean 'x'?)" or "".
std::string DidYouMean(std::string_view wrong,
                       const std::vector<std::string>& names);
// The same, or " (one of: ...)" when none is near and there are not too many.
std::string WhichNames(std::string_view wrong,
                       const std::vector<std::string>& names);

struct ParsedConfig {
  Config config;
  ConfigErrors errors;      // empty: config is valid
  ConfigWarnings warnings;  // a point that the chosen lru lacks, ...
};
// `text` is the file's content, comments allowed. `overrides` are pairs of
// JSON pointer and JSON value text (a bare word counts as a string), applied
// before validation, in order: file < --set < named options.
ParsedConfig ParseConfig(
    std::string_view text,
    const std::vector<std::pair<std::string, std::string>>& overrides);

// The effective, complete config; ParseConfig(ToJson(c)) gives c again.
nlohmann::ordered_json ToJson(const Config& config);

// JSON Schema, within what draft 7 and 2020-12 share. Names of points, actors,
// lrus and controls come from the catalog.
nlohmann::ordered_json ConfigSchema();

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_CONFIG_H_
