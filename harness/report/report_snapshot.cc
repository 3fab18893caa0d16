// Who was where when the finding was latched: memcgs, tasks, last events.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "harness/report/report_parts.h"
#include "harness/report/snapshot.h"

namespace harness {
namespace {

std::string PointName(uint64_t fp) {
  if (fp >= lru::NR_FAULT_POINTS) return "?";
  return lru::fault_point_at(static_cast<lru::fault_point>(fp)).name;
}

Json OrNull(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

std::string WaitingText(const lru::task& task) {
  std::string waiting = LiteralText(task.waiting.load(kRelaxed));
  if (waiting.empty()) return "";
  std::string lock = LockText(task.waiting_for);
  return lock.empty() ? waiting : absl::StrCat(waiting, " ", lock);
}

Json LocksToJson(const lru::task& task) {
  Json locks = Json::array();
  for (uint32_t i = 0; i < HeldCount(task); ++i) {
    locks.push_back(LockText(task.held[i]));
  }
  return locks;
}

Json StackToJson(const TaskSlot& task, const FindingSlot& slot, size_t max) {
  uint32_t n = std::min<uint32_t>(task.nr_frames.load(kRelaxed), kFramesMax);
  if (n == 0 && slot.task == task.task.id) {
    return FramesToJson(slot.frames, slot.nr_frames, max);
  }
  uint64_t frames[kFramesMax];
  for (uint32_t i = 0; i < n; ++i) frames[i] = task.frames[i].load(kRelaxed);
  return FramesToJson(frames, n, max);
}

// A worker that waits for work.
bool IsIdle(const lru::task& task) {
  return LiteralText(task.waiting.load(kRelaxed)) == "idle";
}

// A sanitizer that takes longer than this before it tells us was at its report.
constexpr double kSanitizerUs = 10'000;

// When the recording stopped. A sanitizer may have worked on its own report
// for a while before it told us: then nothing newer was recorded.
uint64_t EndTicks(const Recorder& r, const FindingSlot& slot) {
  if (Exploring(r)) return slot.ticks;  // of virtual time
  uint64_t newest = 0;
  for (uint32_t i = 0; i < TaskCount(r); ++i) {
    for (const EventView& event : LastEvents(r.tasks[i], 1)) {
      newest = std::max(newest, event.ticks + event.duration_ticks);
    }
  }
  bool late = newest && newest < slot.ticks &&
              MicrosBetween(r, newest, slot.ticks) > kSanitizerUs;
  return late ? newest : slot.ticks;
}

Json ActorToJson(const Recorder& r, const TaskSlot& task,
                 const FindingSlot& slot, size_t frames) {
  uint64_t started = task.op_started_ticks.load(kRelaxed);
  uint32_t here = task.fp_here.load(kRelaxed);
  uint64_t end = EndTicks(r, slot);
  bool busy = started && end > started;
  Json actor;
  actor["name"] = FixedText(task.task.name);
  actor["doing"] = DoingText(task);
  actor["for_us"] = busy ? MicrosBetween(r, started, end) : 0.0;
  actor["held_at"] =
      here < lru::NR_FAULT_POINTS ? Json(PointName(here)) : Json(nullptr);
  actor["waiting_for"] =
      OrNull(IsIdle(task.task) ? "" : WaitingText(task.task));
  actor["locks"] = LocksToJson(task.task);
  actor["rcu_nesting"] = task.task.rcu_nesting.load(kRelaxed);
  actor["stack"] = StackToJson(task, slot, frames);
  return actor;
}

struct TaskEvent {
  const TaskSlot* task;
  size_t order;  // in the ring: ticks of one task may be equal
  EventView event;
};

// "add o17 m4 l1 n0", "css_released m4", "fault 0 at memcg_looked_up".
std::string EventText(const EventView& event) {
  std::string text = ToText(event.op);
  uint32_t what = static_cast<uint32_t>(event.what);
  if (event.op.verb == Verb::k_point) {
    return PointName(what) + text.substr(text.find(' ') == text.npos
                                             ? text.size()
                                             : text.find(' '));
  }
  if (event.op.verb == Verb::k_fault) {
    std::string at = event.op.object < lru::NR_FAULT_POINTS
                         ? PointName(event.op.object)
                         : "an implicit point";
    return absl::StrCat("fault ", what, " at ", at);
  }
  return text;
}

const char* EventKind(Verb verb) {
  if (verb == Verb::k_point) return "point";
  return verb == Verb::k_fault ? "fault" : "operation";
}

}  // namespace

Json StagesToJson(const Recorder& r, const FindingSlot& slot, size_t max) {
  Json stages = Json::array();
  for (uint32_t i : DyingMemcgs(r, slot.memcg, max)) {
    const MemcgSlot& memcg = r.memcgs[i];
    uint64_t since = memcg.stage_ticks.load(kRelaxed);
    double micros = since ? MicrosBetween(r, since, EndTicks(r, slot)) : 0.0;
    stages.push_back({{"memcg", memcg.serial.load(kRelaxed)},
                      {"parent", memcg.parent.load(kRelaxed)},
                      {"depth", memcg.depth.load(kRelaxed)},
                      {"stage", PointName(memcg.stage.load(kRelaxed))},
                      {"since_us", std::max(micros, 0.0)}});
  }
  return stages;
}

Json ActorsToJson(const Recorder& r, const FindingSlot& slot,
                  const Limits& limits) {
  Json actors = Json::array();
  for (uint32_t i = 0; i < TaskCount(r); ++i) {
    const TaskSlot& task = r.tasks[i];
    if (!InUse(task.task) || actors.size() >= limits.actors) continue;
    actors.push_back(ActorToJson(r, task, slot, limits.frames));
  }
  return actors;
}

Json EventsToJson(const Recorder& r, const FindingSlot& slot, int per_task) {
  std::vector<TaskEvent> merged;
  for (uint32_t i = 0; i < TaskCount(r); ++i) {
    for (const EventView& event : LastEvents(r.tasks[i], per_task)) {
      if (event.ticks) merged.push_back({&r.tasks[i], merged.size(), event});
    }
  }
  std::sort(merged.begin(), merged.end(),
            [](const TaskEvent& a, const TaskEvent& b) {
              return std::make_pair(a.event.ticks, a.order) <
                     std::make_pair(b.event.ticks, b.order);
            });
  uint64_t end = EndTicks(r, slot);
  Json events = Json::array();
  for (const TaskEvent& e : merged) {
    bool operation = e.event.op.verb < Verb::k_point;
    Json event;
    event["t_us"] = MicrosBetween(r, end, e.event.ticks);
    event["task"] = FixedText(e.task->task.name);
    event["kind"] = EventKind(e.event.op.verb);
    event["text"] = EventText(e.event);
    event["result"] = operation ? Json(e.event.what) : Json(nullptr);
    event["duration_us"] = TicksToMicros(r, e.event.duration_ticks);
    events.push_back(event);
  }
  return events;
}

}  // namespace harness
