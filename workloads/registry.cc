#include "workloads/registry.h"

#include <map>
#include <utility>

#include "lru/memcg_lock.h"
#include "lru/node_lock.h"

namespace workloads {
namespace {

// Function-local: filled by static initialisers of other files.
std::map<std::string, ActorFactory, std::less<>>& Actors() {
  static auto* const kActors =
      new std::map<std::string, ActorFactory, std::less<>>;
  return *kActors;
}
std::map<std::string, Control, std::less<>>& Controls() {
  static auto* const kControls =
      new std::map<std::string, Control, std::less<>>;
  return *kControls;
}
std::map<std::string, const lru::list_lru_ops*, std::less<>>& Lrus() {
  static auto* const kLrus =
      new std::map<std::string, const lru::list_lru_ops*, std::less<>>;
  return *kLrus;
}
// By first invariant, so that their order is that of names.
std::map<std::string, Oracle>& OracleMap() {
  static auto* const kOracles = new std::map<std::string, Oracle>;
  return *kOracles;
}

struct WatchedOps {
  lru::list_lru_ops ops;  // first
  const lru::list_lru_ops* unwatched;
};

}  // namespace

bool RegisterActor(harness::ActorInfo info, ActorFactory factory) {
  Actors()[info.name] = factory;
  harness::Catalog::Get().Add(std::move(info));
  return true;
}

bool RegisterOracle(std::vector<harness::InvariantInfo> invariants,
                    Oracle oracle) {
  OracleMap()[invariants.front().name] = oracle;
  for (harness::InvariantInfo& info : invariants) {
    harness::Catalog::Get().Add(std::move(info));
  }
  return true;
}

bool RegisterControl(Control control) {
  harness::Catalog::Get().Add(control.info);
  Controls()[control.info.name] = std::move(control);
  return true;
}

bool RegisterLru(const lru::list_lru_ops& ops) {
  Lrus()[ops.name] = &ops;
  harness::Catalog::Get().Add(harness::LruInfo{
      ops.name, ops.doc, ops.stages, ops.absent, ops.implicit, ops.operations});
  return true;
}

ActorFactory FindActor(std::string_view name) {
  auto it = Actors().find(name);
  return it == Actors().end() ? nullptr : it->second;
}

const std::vector<Oracle>& Oracles() {
  static const auto* const kOracles = [] {
    auto* oracles = new std::vector<Oracle>;
    for (const auto& entry : OracleMap()) oracles->push_back(entry.second);
    return oracles;
  }();
  return *kOracles;
}

const lru::list_lru_ops* Watched(const lru::list_lru_ops* ops) {
  static auto* const kAll = new std::vector<std::unique_ptr<WatchedOps>>;
  kAll->push_back(std::make_unique<WatchedOps>(WatchedOps{*ops, ops}));
  WatchedOps& watched = *kAll->back();
  for (const Oracle& oracle : Oracles()) {
    if (oracle.watch) oracle.watch(watched.ops);
  }
  return &watched.ops;
}

const lru::list_lru_ops& UnwatchedOps() {
  return *reinterpret_cast<const WatchedOps*>(&lru::current_lru_ops())
              ->unwatched;
}

const Control* FindControl(std::string_view name) {
  auto it = Controls().find(name);
  return it == Controls().end() ? nullptr : &it->second;
}

const lru::list_lru_ops* FindLru(std::string_view name) {
  auto it = Lrus().find(name);
  return it == Lrus().end() ? nullptr : it->second;
}

LRUTORTURE_REGISTER(RegisterLru(lru::node_lock_ops()) &&
                    RegisterLru(lru::memcg_lock_ops()));

}  // namespace workloads
