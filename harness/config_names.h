// How enumerators are spelled in JSON, and which names a config may use.
#ifndef LRUTORTURE_HARNESS_CONFIG_NAMES_H_
#define LRUTORTURE_HARNESS_CONFIG_NAMES_H_

#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/config.h"
#include "lru/fault_points.h"

namespace harness {

template <class E>
struct EnumName {
  E value;
  const char* name;
};

inline constexpr EnumName<Distribution> kDistributions[] = {
    {Distribution::kUniform, "uniform"},
    {Distribution::kLogUniform, "log_uniform"}};
inline constexpr EnumName<DelayHow> kDelayHows[] = {
    {DelayHow::kAuto, "auto"},
    {DelayHow::kSleep, "sleep"},
    {DelayHow::kSpin, "spin"},
    {DelayHow::kYield, "yield"}};
inline constexpr EnumName<Objects> kObjectsNames[] = {
    {Objects::kOwn, "own"},
    {Objects::kShared, "shared"},
    {Objects::kBoth, "both"}};
inline constexpr EnumName<SlabReuse> kSlabReuses[] = {
    {SlabReuse::kNever, "never"},
    {SlabReuse::kAfterGracePeriod, "after_grace_period"},
    {SlabReuse::kImmediate, "immediate"}};
inline constexpr EnumName<Unlink> kUnlinks[] = {{Unlink::kRelease, "release"},
                                                {Unlink::kFree, "free"}};
inline constexpr EnumName<IdRelease> kIdReleases[] = {
    {IdRelease::kOffline, "offline"},
    {IdRelease::kAfterGracePeriod, "after_grace_period"}};
inline constexpr EnumName<bool> kOnFindings[] = {{true, "stop"},
                                                 {false, "continue"}};

template <class E, size_t n>
const char* NameOf(const EnumName<E> (&table)[n], E value) {
  for (const EnumName<E>& entry : table) {
    if (entry.value == value) return entry.name;
  }
  return "?";
}
inline const char* NameOf(lru::fault_point fp) {
  return lru::fault_point_at(fp).name;
}

// `fallback` when there is no such name.
template <class E, size_t n>
E ByName(const EnumName<E> (&table)[n], std::string_view name, E fallback) {
  for (const EnumName<E>& entry : table) {
    if (name == entry.name) return entry.value;
  }
  return fallback;
}

template <class E, size_t n>
std::vector<std::string> NamesIn(const EnumName<E> (&table)[n]) {
  std::vector<std::string> names;
  for (const EnumName<E>& entry : table) names.push_back(entry.name);
  return names;
}

// The tasks of lru/ that a fault's `actor` may name besides the actors.
inline constexpr const char* kWorkers[] = {"wq-offline", "wq-release",
                                           "wq-free", "rcu-callbacks"};

std::vector<std::string> FaultPointNames();
std::vector<std::string> SyncOpNames();
std::vector<std::string> ActorNames();     // of the catalog
std::vector<std::string> TaskTypeNames();  // actors and workers
std::vector<std::string> LruNames();       // built in, loaded, or to be had
// "" when there is an lru of that name; it is loaded if need be.
std::string LruError(const std::string& name);
std::vector<std::string> BustedNames();           // "none" first
std::vector<std::string> OperationNames();        // verbs of actors
std::vector<std::string> WindowOperationNames();  // of all lrus, sorted

// How schedules are chosen: `name` may have a number for its letter.
struct StrategyInfo {
  const char* name;
  const char* example;
  const char* doc;
};
std::span<const StrategyInfo> Strategies();
std::vector<std::string> StrategyNames();  // with every number

// `OUTER/FUNCTION>OP[:done]`, taken apart.
struct ImplicitPoint {
  std::string outer;  // lru::kNoOuter: no call of the outer API
  std::string function;
  std::string op;
  bool done = false;
  std::string error;  // why it is none; empty: it is one
  // As lists have it: without `:done`.
  std::string Name() const { return outer + "/" + function + ">" + op; }
};
// Whether the text means to be one at all.
bool LooksImplicit(std::string_view text);
ImplicitPoint ParseImplicit(std::string_view text);
// What is certain to be held there, from the operation's name alone.
lru::held ImplicitHolds(const ImplicitPoint& point);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_CONFIG_NAMES_H_
