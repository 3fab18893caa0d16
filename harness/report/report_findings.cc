// One finding: what it is, who was where, what the sanitizer saw, and how to
// run it again.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "harness/report/report_parts.h"
#include "harness/report/signature.h"
#include "harness/report/snapshot.h"
#include "harness/report/symbolize.h"

namespace harness {
namespace {

constexpr uint32_t kStacksMax =
    sizeof(FindingSlot::stacks) / sizeof(SanitizerStack);

bool RuntimeFrame(const Frame& frame) {
  return frame.function.find("ubsan") != std::string::npos ||
         frame.file.find("/ubsan/") != std::string::npos;
}

// The runtime's own frames, on top of an UBSan report, tell nobody anything.
std::vector<Frame> FramesOf(const uint64_t* pcs, uint32_t count) {
  constexpr size_t kRuntimeMax = 12;
  std::vector<Frame> frames;
  for (uint32_t i = 0; i < std::min<uint32_t>(count, kFramesMax); ++i) {
    if (pcs[i] == 0) continue;
    for (Frame& frame : SymbolizeInlined(pcs[i])) frames.push_back(frame);
  }
  size_t skip = 0;
  for (size_t i = 0; i < std::min(frames.size(), kRuntimeMax); ++i) {
    if (RuntimeFrame(frames[i])) skip = i + 1;
  }
  frames.erase(frames.begin(), frames.begin() + static_cast<long>(skip));
  return frames;
}

Json ToJsonFrames(const std::vector<Frame>& frames, size_t max) {
  Json json = Json::array();
  for (const Frame& frame : frames) {
    if (json.size() >= max) break;
    json.push_back({{"function", CleanText(frame.function)},
                    {"file", CleanText(frame.file)},
                    {"line", std::max(frame.line, 0)}});
  }
  return json;
}

std::vector<NamedStack> StacksOf(const FindingSlot& slot) {
  std::vector<NamedStack> stacks;
  for (uint32_t i = 0; i < std::min(slot.nr_stacks, kStacksMax); ++i) {
    const SanitizerStack& stack = slot.stacks[i];
    stacks.push_back(
        {FixedText(stack.title), FramesOf(stack.frames, stack.nr_frames)});
  }
  return stacks;
}

Kind KindOf(const FindingSlot& slot) {
  return slot.kind <= Kind::kKilled ? slot.kind : Kind::kCrash;
}

// Exactly the kind `invariant` has one.
std::string InvariantOf(const FindingSlot& slot) {
  if (KindOf(slot) != Kind::kInvariant) return "";
  std::string name = FixedText(slot.invariant);
  return name.empty() ? "unknown" : name;
}

// What whoever stalls was doing: the noticed task's operation, or, when the
// watchdog speaks for nobody, the oldest one.
std::string StalledOperation(const Recorder& r, const FindingSlot& slot) {
  const TaskSlot* stalled = slot.task == ~0u ? nullptr : TaskOf(r, slot.task);
  for (uint32_t i = 0; !stalled && i < TaskCount(r); ++i) {
    if (InUse(r.tasks[i].task) && r.tasks[i].op_started_ticks.load(kRelaxed)) {
      stalled = &r.tasks[i];
    }
  }
  for (uint32_t i = 0; slot.task == ~0u && i < TaskCount(r); ++i) {
    uint64_t started = r.tasks[i].op_started_ticks.load(kRelaxed);
    bool busy = InUse(r.tasks[i].task) && started;
    if (busy && started < stalled->op_started_ticks.load(kRelaxed)) {
      stalled = &r.tasks[i];
    }
  }
  std::string doing = stalled ? DoingText(*stalled) : "";
  // A worker has no operation: what it waits for says more.
  if (doing == "idle" && stalled->task.waiting.load(kRelaxed)) {
    return LiteralText(stalled->task.waiting_for.name.load(kRelaxed));
  }
  return doing.substr(0, doing.find(' '));
}

SignatureInput InputOf(const Recorder& r, const FindingSlot& slot,
                       const std::vector<NamedStack>& stacks) {
  SignatureInput input;
  input.kind = KindOf(slot);
  input.invariant = InvariantOf(slot);
  input.type = FixedText(slot.type);
  input.stacks = stacks;
  if (stacks.empty()) {
    input.stacks.push_back({"", FramesOf(slot.frames, slot.nr_frames)});
  }
  if (input.kind == Kind::kDeadlock) input.locks = BlockedOnLocks(r);
  if (input.kind == Kind::kStall) input.operation = StalledOperation(r, slot);
  return input;
}

// The hooks know no names of functions; the sentence gains by them.
std::string MessageOf(const FindingSlot& slot,
                      const std::vector<NamedStack>& stacks) {
  std::string message = FixedText(slot.message);
  if (message.empty()) {
    message = absl::StrCat("A ", KindName(KindOf(slot)), " was found.");
  }
  std::string functions;
  for (size_t i = 0; i < std::min<size_t>(stacks.size(), 2); ++i) {
    std::string name = TopFunction(stacks[i].frames);
    if (name.empty() || functions.find(name) != std::string::npos) continue;
    absl::StrAppend(&functions, functions.empty() ? "" : " and ", name, "()");
  }
  if (functions.empty()) return message;
  return absl::StrCat(message, " In ", functions, ".");
}

Json SanitizerToJson(const FindingSlot& slot,
                     const std::vector<NamedStack>& stacks, size_t frames) {
  if (stacks.empty()) return nullptr;
  Json list = Json::array();
  for (const NamedStack& stack : stacks) {
    list.push_back({{"title", stack.title},
                    {"frames", ToJsonFrames(stack.frames, frames)}});
  }
  return {{"type", FixedText(slot.type)}, {"stacks", list}};
}

Json ReplayToJson(const Recorder& r, const FindingSlot& slot,
                  const RunOutcome& outcome, bool first) {
  if (Exploring(r)) return ExploreReplayToJson(r, slot, outcome, first);
  return {{"command", CleanText(outcome.command)},
          {"note",
           "In stress the seed replays the plan, not the schedule: the same "
           "finding may take several runs."}};
}

}  // namespace

Json FramesToJson(const uint64_t* frames, uint32_t count, size_t max) {
  return ToJsonFrames(FramesOf(frames, count), max);
}

void PrefetchFindingSymbols(const Recorder& r) {
  std::vector<uint64_t> pcs;
  auto add = [&](const uint64_t* frames, uint32_t count) {
    pcs.insert(pcs.end(), frames,
               frames + std::min<uint32_t>(count, kFramesMax));
  };
  const std::vector<const FindingSlot*> findings = ReadyFindings(r);
  for (const FindingSlot* slot : findings) {
    add(slot->frames, slot->nr_frames);
    for (uint32_t i = 0; i < std::min(slot->nr_stacks, kStacksMax); ++i) {
      add(slot->stacks[i].frames, slot->stacks[i].nr_frames);
    }
  }
  // Whatever the finding says of its own: a deadlock has no frames.
  for (uint32_t i = 0; !findings.empty() && i < TaskCount(r); ++i) {
    uint32_t n =
        std::min<uint32_t>(r.tasks[i].nr_frames.load(kRelaxed), kFramesMax);
    for (uint32_t f = 0; f < n; ++f) {
      pcs.push_back(r.tasks[i].frames[f].load(kRelaxed));
    }
  }
  std::sort(pcs.begin(), pcs.end());
  pcs.erase(std::unique(pcs.begin(), pcs.end()), pcs.end());
  PrefetchSymbols(pcs);
}

Json FindingToJson(const Recorder& r, const FindingSlot& slot,
                   const RunOutcome& outcome, const Limits& limits,
                   bool first) {
  std::vector<NamedStack> stacks = StacksOf(slot);
  std::string invariant = InvariantOf(slot);
  std::string type = FixedText(slot.type);
  std::string task = TaskName(r, slot.task);
  Json finding;
  finding["kind"] = KindName(KindOf(slot));
  finding["invariant"] = invariant.empty() ? Json(nullptr) : Json(invariant);
  finding["type"] = type.empty() ? Json(nullptr) : Json(type);
  finding["message"] = MessageOf(slot, stacks);
  finding["signature"] = MakeSignature(InputOf(r, slot, stacks));
  finding["task"] = task.empty() ? Json(nullptr) : Json(task);
  finding["memcg"] = slot.memcg;
  finding["stack"] = FramesToJson(slot.frames, slot.nr_frames, limits.frames);
  finding["stage"] =
      first ? StagesToJson(r, slot, limits.memcgs) : Json::array();
  finding["actors"] = first ? ActorsToJson(r, slot, limits) : Json::array();
  finding["events"] =
      first ? EventsToJson(r, slot, limits.events_per_task) : Json::array();
  finding["sanitizer"] = SanitizerToJson(slot, stacks, limits.frames);
  finding["replay"] = ReplayToJson(r, slot, outcome, first);
  return finding;
}

}  // namespace harness
