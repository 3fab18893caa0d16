#include "workloads/implicit_points.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/catalog.h"
#include "harness/child.h"
#include "harness/explore/explore.h"
#include "harness/flight_recorder.h"
#include "harness/known.h"
#include "harness/supervisor.h"

namespace workloads {
namespace {

using harness::kRelaxed;

// --- what each task has visited: written by it alone, in memory that the
// processes share
// ------------------------------------------------------------------------

struct Place {
  std::atomic<const char*> function = nullptr;  // null: free
  std::atomic<const char*> outer = nullptr;
  std::atomic<uint32_t> op = 0;
};

struct Visits {
  Place places[1024];
};

struct Shared {
  std::atomic<uint64_t> nr_lost;
  Visits visits[lru::kTasksMax];
};
Shared* shared = nullptr;

void Collect(const lru::sync_site& site) {
  harness::TaskSlot* slot = harness::CurrentSlot();
  if (!slot) {
    shared->nr_lost.fetch_add(1, kRelaxed);
    return;
  }
  Visits* visits = &shared->visits[slot - harness::recorder()->tasks];
  const char* outer = slot->task.api.load(kRelaxed);
  size_t hash = reinterpret_cast<uintptr_t>(site.function) * 31 +
                reinterpret_cast<uintptr_t>(outer) * 7 + site.op;
  for (size_t probe = 0; probe < std::size(visits->places); probe++) {
    Place& place = visits->places[(hash + probe) % std::size(visits->places)];
    const char* function = place.function.load(kRelaxed);
    if (!function) {
      place.outer.store(outer, kRelaxed);
      place.op.store(site.op, kRelaxed);
      place.function.store(site.function, kRelaxed);
      return;
    }
    if (function == site.function && place.outer.load(kRelaxed) == outer &&
        place.op.load(kRelaxed) == site.op) {
      return;
    }
  }
  shared->nr_lost.fetch_add(1, kRelaxed);
}

// --- worlds
// ------------------------------------------------------------------------

constexpr const char* kConfigs[] = {
    R"({"topology": {"slab_reuse": "never", "depth": 3, "irq_lrus": 1}})",
    // Everybody on the same few lists, memory short.
    R"({"topology": {"nids": 1, "lrus": 1, "memcgs": 2, "objects": 16,
                     "slab_reuse": "immediate"},
        "faults": [
          {"at": "memcg_allocated", "error": "ENOMEM", "one_in": 20},
          {"at": "objcg_allocated", "error": "ENOMEM", "one_in": 20},
          {"at": "shrinker_info_allocated", "error": "ENOMEM", "one_in": 20},
          {"at": "id_allocated", "error": "ENOMEM", "one_in": 20},
          {"at": "mlru_allocated", "error": "ENOMEM", "one_in": 20},
          {"at": "xa_stored", "error": "ENOMEM", "one_in": 20},
          {"at": "slab_allocated", "error": "ENOMEM", "one_in": 20}]})",
    // More shrinkers than a word has bits.
    R"({"topology": {"lrus": 64, "memcgs": 2, "objects": 16}})",
    // Lookups that outlive what they found.
    R"({"topology": {"memcgs": 4, "objects": 32},
        "faults": [
          {"at": "css_dying_set", "delay_us": 200, "one_in": 4},
          {"at": "kmemcg_ids_changed", "delay_us": 200, "one_in": 4},
          {"at": "memcg_looked_up", "delay_us": 100, "one_in": 50},
          {"at": "mlru_allocated", "delay_us": 200, "one_in": 4}]})"};

harness::Config ParseOwn(const std::string& lru, std::string text) {
  std::string head = absl::StrCat(R"({"lru": ")", lru, R"(", )");
  harness::ParsedConfig parsed =
      harness::ParseConfig(text.replace(0, 1, head), {});
  if (!parsed.errors.empty()) {
    fprintf(stderr, "implicit points: %s\n", parsed.errors[0].c_str());
    abort();
  }
  return std::move(parsed.config);
}

// --- explore
// ------------------------------------------------------------------------

// Each piece of a process of its own, as a finding ends it.
constexpr uint64_t kPieces = 3;
constexpr uint64_t kSchedulesOfPiece = 20;
constexpr unsigned kSecondsOfPiece = 10;  // a text that hangs outside points

// As a signature begins, without the functions: "invariant|shrinker_bit".
std::string TextOf(const harness::FindingSlot& finding) {
  std::string text = harness::KindName(finding.kind);
  for (const char* word : {finding.invariant, finding.type}) {
    if (*word) absl::StrAppend(&text, "|", word);
  }
  return absl::StrCat(text, finding.known ? " (known)" : "");
}

// By what a piece ended before its last schedule did; "": by nothing.
std::string CutShortBy(const harness::Recorder& r, int status) {
  if (r.findings[0].ready.load(kRelaxed)) return TextOf(r.findings[0]);
  auto phase = static_cast<harness::Phase>(r.phase.load(kRelaxed));
  std::optional<harness::Death> death = harness::JudgeDeath(status, phase);
  if (!death) return "";
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
    return absl::StrCat("no end within ", kSecondsOfPiece, " s");
  }
  return absl::StrCat(harness::KindName(death->kind), "|", death->type);
}

std::string ExplorePiece(const harness::Config& config, uint64_t seed) {
  harness::MapRecorder();
  pid_t pid = fork();
  if (pid == 0) {
    alarm(kSecondsOfPiece);
    harness::SetKnownFindings(
        harness::Catalog::Get().FindLru(config.lru)->known);
    VisitingTorture torture;
    bool ok = harness::explore::RunExplore(config, seed, {}, torture);
    _exit(ok ? 0 : harness::kExitHarness);
  }
  int status = 0;
  std::string cut_short = "no process";
  if (pid > 0 && waitpid(pid, &status, 0) == pid) {
    cut_short = CutShortBy(*harness::recorder(), status);
  }
  harness::UnmapRecorder();
  return cut_short;
}

}  // namespace

std::vector<harness::Config> ConfigsThatVisitAll(const std::string& lru) {
  std::vector<harness::Config> configs;
  for (const char* text : kConfigs) {
    harness::Config config = ParseOwn(lru, text);
    config.actors.clear();
    for (const harness::ActorInfo& info : harness::Catalog::Get().actors()) {
      harness::ActorSpec spec;
      spec.type = info.name;
      spec.count = 2;
      config.actors.push_back(spec);
    }
    // Never fires; arms sync operations.
    harness::Fault fault;
    fault.at = lru::NR_FAULT_POINTS;
    fault.implicit = "none/none>load";
    fault.delay = harness::Delay{0, 0};
    config.faults.push_back(fault);
    configs.push_back(std::move(config));
  }
  return configs;
}

ImplicitVisits::ImplicitVisits() {
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort();
  shared = static_cast<Shared*>(memory);
}

ImplicitVisits::~ImplicitVisits() {
  munmap(shared, sizeof(Shared));
  shared = nullptr;
}

uint64_t ImplicitVisits::nr_lost() const {
  return shared->nr_lost.load(kRelaxed);
}

std::set<std::string> ImplicitVisits::Names() const {
  std::set<std::string> names;
  for (const Visits& visits : shared->visits) {
    for (const Place& place : visits.places) {
      const char* function = place.function.load(kRelaxed);
      if (!function) continue;
      const char* outer = place.outer.load(kRelaxed);
      auto op = static_cast<lru::sync_op>(place.op.load(kRelaxed));
      names.insert(absl::StrCat(outer ? outer : lru::kNoOuter, "/", function,
                                ">", lru::sync_op_name(op)));
    }
  }
  return names;
}

void VisitingTorture::Setup(const harness::Config& config, uint64_t seed) {
  Torture::Setup(config, seed);
  // The harness has installed its own hook by now and has not armed it.
  lru::lru_sync_hook.store(Collect, kRelaxed);
}

harness::PassedPoints ExploreImplicitPoints(const std::string& lru) {
  ImplicitVisits visits;
  harness::PassedPoints passed;
  for (harness::Config& config : ConfigsThatVisitAll(lru)) {
    config.engine = harness::kExplore;
    config.schedules = kSchedulesOfPiece;
    for (uint64_t seed = 1; seed <= kPieces; seed++) {
      std::string cut_short = ExplorePiece(config, seed);
      passed.processes++;
      if (!cut_short.empty()) passed.cut_short.push_back(std::move(cut_short));
    }
  }
  std::set<std::string> names = visits.Names();
  passed.names.assign(names.begin(), names.end());
  return passed;
}

}  // namespace workloads
