#include "harness/second_look.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "harness/child.h"
#include "harness/report/snapshot.h"

namespace harness {
namespace {

// What is found there may be anything, or nothing.
bool MeansBrokenMemory(const std::string& kind) {
  constexpr Kind kKinds[] = {Kind::kMemoryError, Kind::kUndefinedBehavior,
                             Kind::kCrash};
  return std::any_of(std::begin(kKinds), std::end(kKinds),
                     [&](Kind k) { return kind == KindName(k); });
}

bool IsSame(const Replay& one, const Replay& other) {
  return one.schedule.index == other.schedule.index &&
         one.points == other.points && one.trace_hash == other.trace_hash &&
         one.kind == other.kind && one.invariant == other.invariant;
}

class Looker {
 public:
  Looker(const ExploreRun& run, const Recorder& first,
         const InterruptScope& interrupts)
      : run_(run),
        first_(first),
        found_(ReplayOf(first)),
        interrupts_(interrupts) {}

  SecondLook Look() {
    Snapshot second = Alone(found_);
    if (interrupted()) return {};
    SecondLook look;
    if (!second)
      return Disputed(absl::StrCat(Name(), " could not be run again"));
    look.replayed = Compare(found_, *second);
    if (look.replayed->identical.value_or(true)) {
      if (!look.replayed->reproduced) look.remark = WhyNotFoundAgain();
      return look;
    }
    if (ScheduleIsKnown(*second) && Settles(*second, look)) return look;
    if (!interrupted() && ComesBehindTheOthers()) {
      look.alone = false;
      look.remark = absl::StrCat(
          Name("Schedule"),
          " comes to it only behind those before it, which must have "
          "left something: run alone it took another course, run with them in "
          "a new process the same.");
      return look;
    }
    if (interrupted()) return {};
    return NotAgain(*second, std::move(look));
  }

 private:
  static constexpr char kNotFoundAgain[] =
      "But run again at once it did not come to this finding: something else "
      "than the schedule had a part in it, like memory that an earlier "
      "schedule "
      "had broken, or a detector that overlooks things.";

  static constexpr char kWentOn[] =
      "But run again at once that step ended. No schedule decides what the "
      "supervisor's clock sees: one step, between two points, had taken longer "
      "than stall_ms. Either something outside held it up, like a system call, "
      "a page fault or a debugger, or it was a loop over what an earlier "
      "schedule had left.";

  const char* WhyNotFoundAgain() const {
    return first_.findings[0].by_clock ? kWentOn : kNotFoundAgain;
  }
  bool interrupted() const { return interrupts_.count() > 0; }
  std::string Name(const char* word = "schedule") const {
    return absl::StrCat(word, " ", found_.schedule.index);
  }

  SecondLook Disputed(std::string why) {
    SecondLook look;
    look.disputed = std::move(why);
    return look;
  }

  // What a new process has come to; null: the harness failed there.
  Snapshot InNewProcess(const TortureBody& body, bool silent) {
    MapRecorder();
    // The sanitizer has written its text once.
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pid_t pid = StartChild(body, nowhere);
    LiveLine progress(silent);
    Supervision supervision(run_.config, interrupts_, progress);
    ChildEnd end = pid < 0 ? ChildEnd::kHarnessFailed : supervision.Watch(pid);
    close(nowhere);
    if (end != ChildEnd::kEnded) return nullptr;
    return CopyRecorder(supervision.Outcome());
  }

  Snapshot Alone(const Replay& replay) {
    return InNewProcess(
        [&] {
          return explore::RunSchedule(run_.config, replay.schedule,
                                      run_.workload);
        },
        /*silent=*/true);
  }

  // 2.
  bool Settles(const Recorder& second, SecondLook& look) {
    Replay settled = ReplayOf(second);
    // Compared where it was found there, not where it was found first.
    Snapshot third = Alone(settled);
    if (!third || !ScheduleIsKnown(*third)) return false;
    Replayed replayed = Compare(settled, *third);
    if (!replayed.reproduced || replayed.identical != true) return false;
    look.replayed = replayed;
    look.instead = CopyRecorder(second);
    if (!look.instead) return false;
    CopyTotals(*look.instead, first_);
    memcpy(look.instead->explore.strategy, first_.explore.strategy,
           sizeof(first_.explore.strategy));
    look.remark = absl::StrCat(
        "This is what ", Name(),
        " comes to in a new process, twice. Behind "
        "those before it, which must have left something, it had come to ",
        found_.kind, " at point ", found_.points, ", hash ",
        HashText(found_.trace_hash), ".");
    return true;
  }

  // 3.
  bool ComesBehindTheOthers() {
    Config config = run_.config;
    config.schedules = found_.schedule.index + 1;
    Snapshot again = InNewProcess(
        [&] {
          return explore::RunExplore(config, run_.seed, run_.share,
                                     run_.workload);
        },
        run_.silent);
    return again && ScheduleIsKnown(*again) && IsSame(ReplayOf(*again), found_);
  }

  // 4.
  SecondLook NotAgain(const Recorder& second, SecondLook look) {
    std::string courses = BothCourses(found_, *look.replayed);
    if (MeansBrokenMemory(found_.kind) ||
        (ScheduleIsKnown(second) && MeansBrokenMemory(ReplayOf(second).kind))) {
      look.remark = absl::StrCat(
          Name("Schedule"), " took another course when it was run again (",
          courses,
          "): memory was broken before anybody noticed, and what comes then is "
          "chance. The asan build may see where.");
      return look;
    }
    look.disputed = absl::StrCat(Name(), " has taken another course: ", courses,
                                 ": something else than the schedule decides");
    return look;
  }

  const ExploreRun& run_;
  const Recorder& first_;
  const Replay found_;
  const InterruptScope& interrupts_;
};

}  // namespace

SecondLook LookAgain(const ExploreRun& run, const Recorder& first,
                     const InterruptScope& interrupts) {
  return Looker(run, first, interrupts).Look();
}

bool CanBeRunAgain(const Recorder& r) {
  return ScheduleIsKnown(r) && r.findings[0].kind != Kind::kKilled;
}

}  // namespace harness
