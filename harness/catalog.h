// What this program knows by name: lrus, actors, invariants, busted controls.
// Filled by the workloads' registration macros before main(); read-only after.
// Every list is sorted by name, so link order never reaches a plan.
#ifndef LRUTORTURE_HARNESS_CATALOG_H_
#define LRUTORTURE_HARNESS_CATALOG_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/known.h"
#include "lru/fault_points.h"

namespace harness {

struct LruInfo {
  std::string name;
  std::string doc;
  std::span<const lru::stage_info> stages;   // in order of teardown
  std::span<const lru::fault_point> absent;  // points it never reaches
  // Its implicit points, without `:done`. Empty: it publishes none, and a
  // config may name any; see Catalog::PassedImplicit.
  std::span<const std::string_view> implicit = {};
  // What is done to memcgs, for window coverage. Empty: none is measured.
  std::span<const lru::operation_info> operations = {};
  bool plugin = false;                   // a kernel's own
  std::vector<KnownFinding> known = {};  // what is no news of it
  bool Has(lru::fault_point fp) const;
};

struct ActorInfo {
  std::string name;
  std::string doc;
  std::vector<std::string> operations = {};  // of LruInfo: what it does
  bool pins = false;  // does them by a reference held across offline
  // Of each task in a schedule of `explore` whose config does not say. The
  // others must still be at work when a teardown has come to its end: it takes
  // some 500 points, an operation some 75, and every grace period waits for
  // the sections that are open.
  uint32_t ops_per_schedule = 60;
};

struct InvariantInfo {
  std::string name;
  std::string numbers;  // of the contract's list of testable invariants
  std::string doc;
};

// How a control may show itself in one build; read only by tests and kill
// tables. The first one names the build that catches it best.
struct Expectation {
  std::string build;  // "release", "asan", "tsan", "gcc"
  std::string kind;
  std::string invariant;  // empty when the kind has none
};

struct BustedInfo {
  std::string name;
  std::string klass;              // "lru" or "caller"
  std::vector<std::string> lrus;  // the lrus it applies to; empty: all
  std::string doc;                // the story
  std::string config;             // its own config, relative to configs/
  std::vector<Expectation> expect;
  // The interleaving, drawn or as numbered events, for `explain`. Lines as
  // they are to be printed.
  std::string story = {};
};

// What a loaded lru was seen to pass, in processes of its own.
struct PassedPoints {
  std::vector<std::string> names;  // sorted
  size_t processes = 0;
  // By what: of each process that did not come to its end, so that what it
  // would have passed from there on is missing.
  std::vector<std::string> cut_short = {};
};

class Catalog {
 public:
  static Catalog& Get();
  void Add(LruInfo info);
  void Add(ActorInfo info);
  void Add(InvariantInfo info);
  void Add(BustedInfo info);
  const std::vector<LruInfo>& lrus() const { return lrus_; }
  const std::vector<ActorInfo>& actors() const { return actors_; }
  const std::vector<InvariantInfo>& invariants() const { return invariants_; }
  const std::vector<BustedInfo>& busted() const { return busted_; }
  // Lrus that are not built in: `find` names those that could be had, `load`
  // adds the one asked for, or says why not ("": it is none of its names).
  // `passed`: implicit points that one which publishes none is seen to pass.
  struct LruLoader {
    std::vector<std::string> (*find)();
    std::string (*load)(const std::string& name);
    PassedPoints (*passed)(const std::string& name) = nullptr;
  };
  void SetLruLoader(LruLoader loader) { loader_ = loader; }
  // Makes the lru of that name known if it can be. "": it is known, or there
  // is none of that name; else the error. On the main thread, before tasks.
  std::string LoadLru(std::string_view name);
  std::vector<std::string> LoadableLrus() const;
  // Runs it for a second or two; no recorder is mapped.
  PassedPoints PassedImplicit(const LruInfo& lru) const;
  const LruInfo* FindLru(std::string_view name) const;
  const ActorInfo* FindActor(std::string_view name) const;
  const InvariantInfo* FindInvariant(std::string_view name) const;
  const BustedInfo* FindBusted(std::string_view name) const;
  bool HasActor(std::string_view name) const;

 private:
  LruLoader loader_ = {};
  std::vector<LruInfo> lrus_;
  std::vector<ActorInfo> actors_;
  std::vector<InvariantInfo> invariants_;
  std::vector<BustedInfo> busted_;
};

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_CATALOG_H_
