#include "workloads/registry.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "lru/kernel/plugin.h"
#include "lru/memcg_lock.h"
#include "lru/node_lock.h"
#include "workloads/implicit_points.h"

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

// --- plug-ins: kernel-6.12 is lru/kernel-6.12.so beside this program, or in
// the folder above where a test stands; FILE.so is itself
// ------------------------------------------------------------------------

constexpr std::string_view kKernel = "kernel-", kPlugin = ".so";

std::filesystem::path PluginFolder() {
  std::error_code error;
  auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  auto folder = self.parent_path() / "lru";
  if (std::filesystem::is_directory(folder, error)) return folder;
  return self.parent_path().parent_path() / "lru";
}

std::vector<std::string> FindPlugins() {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator it(PluginFolder(), error), end;
  for (; !error && it != end; it.increment(error)) {
    std::string stem = it->path().stem().string();
    if (it->path().extension() == kPlugin && stem.rfind(kKernel, 0) == 0) {
      names.push_back(stem);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string LoadPlugin(const std::string& name) {
  bool is_file =
      name.size() > kPlugin.size() &&
      name.compare(name.size() - kPlugin.size(), name.npos, kPlugin) == 0;
  if (!is_file && name.rfind(kKernel, 0) != 0) return "";
  // Not a bare name: dlopen() would look for that in the system's folders.
  std::filesystem::path file =
      is_file ? std::filesystem::absolute(name)
              : PluginFolder() / (name + std::string(kPlugin));
  std::error_code none;
  if (!std::filesystem::exists(file, none)) {
    return "lru '" + name + "': there is no file " + file.string() +
           (is_file ? ""
                    : " (scripts/kernel.sh " + name.substr(kKernel.size()) +
                          " builds it)");
  }
  std::string error;
  const lru::kernel_lru* plugin =
      lru::load_kernel_lru(name, file.string(), &error);
  if (!plugin) return "lru '" + name + "' cannot be loaded: " + error;
  RegisterLru(plugin->ops, plugin);
  return "";
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

bool RegisterLru(const lru::list_lru_ops& ops, const lru::kernel_lru* plugin) {
  Lrus()[ops.name] = &ops;
  harness::LruInfo info{ops.name,   ops.doc,      ops.stages,
                        ops.absent, ops.implicit, ops.operations};
  if (plugin) {
    info.plugin = true;
    info.known = harness::KnownFindingsOf(plugin->version, plugin->bugs);
  }
  harness::Catalog::Get().Add(std::move(info));
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

std::unique_ptr<World> StartWorld(const harness::Config& config,
                                  const World::Parts& parts) {
  for (const Oracle& oracle : Oracles()) {
    if (oracle.before_world) oracle.before_world();
  }
  auto world = std::make_unique<World>(config, parts);
  for (const Oracle& oracle : Oracles()) {
    if (oracle.start) oracle.start(*world);
  }
  return world;
}

void CheckTotals(World& world) {
  for (const Oracle& oracle : Oracles()) {
    if (oracle.check_totals) oracle.check_totals(world);
  }
  for (const Oracle& oracle : Oracles()) {
    if (harness::recorder()->nr_findings.load(std::memory_order_relaxed)) {
      return;
    }
    if (oracle.check_last) oracle.check_last(world);
  }
}

const Control* FindControl(std::string_view name) {
  auto it = Controls().find(name);
  return it == Controls().end() ? nullptr : &it->second;
}

const lru::list_lru_ops* FindLru(std::string_view name) {
  auto it = Lrus().find(name);
  return it == Lrus().end() ? nullptr : it->second;
}

bool RegisterPlugins() {
  harness::Catalog::Get().SetLruLoader(
      {FindPlugins, LoadPlugin, ExploreImplicitPoints});
  return true;
}

LRUTORTURE_REGISTER(RegisterLru(lru::node_lock_ops()) &&
                    RegisterLru(lru::memcg_lock_ops()) && RegisterPlugins());

}  // namespace workloads
