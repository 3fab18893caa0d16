// The flight recorder: everything a report needs, in one block of memory that
// the torture process and its supervisor share, so it survives SIGSEGV,
// SIGKILL and OOM. Made by the supervisor before it forks; string literals and
// code addresses in it mean the same in both.
//
// Thread safety: a TaskSlot is written by its task alone, a MemcgSlot by
// whoever performs that stage, all as relaxed atomics; nothing here orders
// threads. Reading is for after the fact: a reader may see a torn operation,
// never a dangling pointer. Recording stops when a finding is latched.
#ifndef LRUTORTURE_HARNESS_FLIGHT_RECORDER_H_
#define LRUTORTURE_HARNESS_FLIGHT_RECORDER_H_

#include <atomic>
#include <cstdint>

#include "harness/explore/record.h"
#include "harness/known.h"
#include "harness/near_miss.h"
#include "harness/plan.h"
#include "lru/fault_points.h"
#include "lru/sync/task.h"

namespace harness {

// Hooks and whoever reads what they wrote need nothing stronger.
inline constexpr auto kRelaxed = std::memory_order_relaxed;

// Operations of actors and what the workers do; one text form each.
// clang-format off: it never comes to rest on this one.
#define LRUTORTURE_VERBS(X)                                                  \
  X(add) X(del) X(add_obj) X(del_obj) X(walk_one) X(walk_node) X(walk)       \
  X(shrink_walk) X(count_one) X(count_node) X(shrink_slab) X(charge) X(free) \
  X(alloc_lists) X(create) X(destroy) X(isolate) X(register) X(unregister)   \
  X(pin) X(unpin) X(work) X(point) X(fault)
// clang-format on
enum class Verb : uint8_t {
#define X(name) k_##name,
  LRUTORTURE_VERBS(X)
#undef X
      kCount,
};
const char* VerbName(Verb verb);

// One operation as a record, and one event of the trace. 0 or -1: not named.
struct Operation {
  Verb verb = Verb::k_point;
  uint32_t object = 0;  // serials
  uint32_t memcg = 0;
  uint32_t lru = 0;
  int32_t nid = -1;
};

// An operation as others may read it while its task writes: each word as wide
// as what it is made from. A wider one would be read from two stores that are
// still under way, and the next locked instruction would wait for that.
using OperationWords = std::atomic<uint32_t>[4];

// 32 bytes. `verb` k_point: `what` is a fault_point; k_fault: the index of the
// fault that fired, and `object` the fault_point it fired at (NR_FAULT_POINTS:
// an implicit one); else `what` is the result of the operation.
struct Event {
  std::atomic<uint64_t> ticks;
  OperationWords op;
  std::atomic<int32_t> what;
  std::atomic<uint32_t> duration_ticks;
};
struct EventView {  // unpacked
  uint64_t ticks;
  Operation op;
  int32_t what;
  uint32_t duration_ticks;
};

// Log-linear histogram of ticks: 8 linear buckets per octave.
struct Histogram {
  static constexpr int kBuckets = 8 * 40;
  std::atomic<uint32_t> count[kBuckets];
  void Add(uint64_t ticks);
  void AddOwn(uint64_t ticks);  // cheaper, for a histogram with one writer
  static int BucketOf(uint64_t ticks);
  static uint64_t Upper(int bucket);
};

inline constexpr int kEventsPerTask = 256;
inline constexpr int kFaultsMax = 64;
inline constexpr int kFramesMax = 32;
inline constexpr int kVerbs = static_cast<int>(Verb::kCount);

// The two orders in which an operation and a stage can meet: which began first.
enum class CellOrder : uint8_t { kOpFirst, kStageFirst };
const char* CellOrderName(CellOrder order);  // "op_first", "stage_first"
inline constexpr int kOrders = 2;
inline constexpr int kOperationsMax = 12;  // of LruInfo

// An operation on a memcg that is under way. Task-local.
struct UnderWay {
  uint32_t memcg;   // serial
  uint32_t newest;  // stage when it began; NR_FAULT_POINTS: none, or counted
  uint64_t view;    // stages that had come when it was last looked at
};

struct TaskSlot {
  lru::task task;                    // first: a task* is a TaskSlot*
  std::atomic<uint32_t> type_index;  // of Config::actors; ~0 for workers
  uint64_t name_hash;
  std::atomic<uint64_t> op_started_ticks;  // 0: idle
  uint64_t op_ended_ticks;  // of the one before; 0: the task has slept since
  OperationWords op_words;  // current Operation
  std::atomic<uint64_t> operations[kVerbs];
  std::atomic<uint64_t> progress;    // operations finished, of any kind
  std::atomic<uint32_t> fp_here;     // fault point a fault holds it at, or ~0
  std::atomic<uint32_t> reclaiming;  // PF_MEMALLOC: a fault's reclaim is on
  FaultVisits visits[kFaultsMax];
  std::atomic<uint64_t> fired[kFaultsMax];
  std::atomic<uint64_t> timeouts[kFaultsMax];  // holds that ended by time
  std::atomic<uint64_t> head;                  // events ever written
  Event events[kEventsPerTask];
  Histogram latency[kVerbs];
  // Window coverage, by stage and operation of the lru; and near misses.
  uint32_t tracks;  // a bit for each of `under_way` that is
  UnderWay under_way[kOperationsMax];
  std::atomic<uint32_t> cells[lru::NR_FAULT_POINTS][kOperationsMax][kOrders];
  std::atomic<uint32_t> near_misses[kNearMisses];
  // Filled by the signal handler when the supervisor asks for a stack.
  std::atomic<uint32_t> nr_frames;
  std::atomic<uint64_t> frames[kFramesMax];
  std::atomic<uint32_t> stack_request;  // last one answered
};

// Stages of path LIST come once for each list; their lists are told apart by
// lru % 64, a bit, and node % kListNodes.
inline constexpr int kListStages =
    lru::FP_mlru_free_queued - lru::FP_src_locked + 1;
inline constexpr int kListNodes = 4;

// One memcg, found by serial % kMemcgSlots. `reached` has a bit per stage.
struct MemcgSlot {
  std::atomic<uint32_t> serial;
  std::atomic<uint32_t> parent;
  std::atomic<int32_t> depth;
  std::atomic<uint32_t> stage;        // last fault_point of path MEMCG or LIST
  std::atomic<uint64_t> reached;      // bit fp, for the stages (fp < 64)
  std::atomic<uint64_t> stage_ticks;  // of the last stage
  std::atomic<uint64_t> items_moved;
  std::atomic<uint32_t> operated;  // another task used it while it was dying
  std::atomic<uint64_t> last_use_ticks;  // while it was dying
  std::atomic<uint64_t> newest_list;     // ListKey of its last stage of a list
  std::atomic<uint64_t> lists[kListStages][kListNodes];
};
// Stage, lru and node, exactly.
inline uint64_t ListKey(lru::fault_point stage, const lru::fault_site& site) {
  return uint64_t{site.lru.serial} << 32 |
         uint64_t{static_cast<uint16_t>(site.nid + 1)} << 16 | stage;
}
inline constexpr uint32_t kMemcgSlots = 8192;

enum class Kind : uint8_t {
  kInvariant,
  kDataRace,
  kMemoryError,
  kLeak,
  kUndefinedBehavior,
  kLockInversion,
  kDeadlock,
  kStall,
  kCrash,
  kKilled,
};
const char* KindName(Kind kind);  // "invariant", "data_race", ...

// One sanitizer access or allocation, as data.
struct SanitizerStack {
  char title[64];  // "write of size 8 by adder-0", "freed by rcu-callbacks"
  uint32_t nr_frames;
  uint64_t frames[kFramesMax];
};

// Fixed size, no pointers but literals: it is written inside hooks.
struct FindingSlot {
  std::atomic<uint32_t> ready;
  Kind kind;
  char invariant[48];  // empty unless kind is kInvariant
  char type[64];       // the sanitizer's word, "heap-use-after-free"; of an
                       // invariant what tells its violations apart
  char message[512];   // one sentence a stranger understands
  uint64_t ticks;
  uint64_t points;      // explore: visited by then in its schedule,
  uint64_t trace_hash;  // and the hash of these
  bool known;           // one of KnownFindings(), which ended the run
  bool by_clock;        // of a supervisor, which no schedule decides
  uint32_t task;        // task id of who noticed, or ~0
  uint32_t memcg;       // serial concerned, or 0
  uint32_t nr_frames;   // of who noticed
  uint64_t frames[kFramesMax];
  uint64_t address;
  uint32_t nr_stacks;
  SanitizerStack stacks[6];
};
inline constexpr int kFindingsMax = 64;

enum class Phase : uint32_t { kSetup, kRun, kQuiet, kTotals, kTeardown, kDone };

struct Recorder {
  std::atomic<uint32_t> phase;   // Phase
  std::atomic<uint32_t> stop;    // actors return to quiet when set
  std::atomic<uint32_t> freeze;  // recording has stopped (a finding is latched)
  std::atomic<uint32_t> interrupted;
  // A supervisor wants to copy what it sees before the tasks of a finding go:
  // set before the fork, cleared when it has.
  std::atomic<uint32_t> snapshot_wanted;
  std::atomic<uint32_t> nr_findings;    // claimed; may exceed kFindingsMax
  std::atomic<uint32_t> findings_stop;  // so many end the run; 0 means 1
  FindingSlot findings[kFindingsMax];
  std::atomic<uint64_t> nr_known[kKnownMax];  // KnownFindings() seen
  std::atomic<uint64_t> start_ticks, run_end_ticks;
  double ticks_per_ns;
  // By the processes of this run before this one, that something known has
  // ended: what adds up goes on from theirs.
  uint64_t spent_ns;
  std::atomic<uint64_t> teardowns, teardowns_contended;
  Histogram stage_latency[lru::NR_FAULT_POINTS];  // since the stage before
  std::atomic<uint64_t> point_visits[lru::NR_FAULT_POINTS];  // of hold targets
  std::atomic<uint32_t> nr_tasks;
  TaskSlot tasks[lru::kTasksMax];
  MemcgSlot memcgs[kMemcgSlots];
  explore::Record explore;
};

// Maps the block (MAP_SHARED | MAP_ANONYMOUS, zeroed) and makes it current.
Recorder* MapRecorder();
void EnterPhase(Phase phase);
namespace detail {
extern Recorder* the_recorder;  // written while the process has one thread
}
inline Recorder* recorder() { return detail::the_recorder; }  // may be null
// Actors are to end; a finding is latched, and nobody writes any more.
inline bool Stopping() { return recorder()->stop.load(kRelaxed) != 0; }
inline bool Latched() { return recorder()->freeze.load(kRelaxed) != 0; }
// The slots ever handed out; finished tasks among them.
inline uint32_t TaskCount(const Recorder& r) {
  uint32_t nr = r.nr_tasks.load(kRelaxed);
  return nr < lru::kTasksMax ? nr : lru::kTasksMax;
}
// The engine is explore, and at work.
inline bool Exploring(const Recorder& r) {
  return r.explore.began_ns.load(kRelaxed) != 0;
}
void UnmapRecorder();

inline TaskSlot* SlotOf(lru::task* t) { return reinterpret_cast<TaskSlot*>(t); }
inline TaskSlot* CurrentSlot() { return SlotOf(lru::current_task()); }

// For lru/: tasks live in the recorder.
void UseRecorderTasks();

// Marks an operation of the calling task as begun, and as finished with
// `result`; one event and one latency sample per operation. Its time begins
// where the one before ended, drawing it included: reading the clock twice
// would be a fifth of what watching costs.
void BeginOperation(const Operation& op);
void EndOperation(const Operation& op, int32_t result);
// Between two operations: the time until the next one begins is nobody's.
void NoteSleep();
// For operations whose object or memcg is known only later.
void RefineOperation(const Operation& op);
void RecordPoint(lru::fault_point fp, const lru::fault_site& site);
void RecordFault(lru::fault_point fp, uint32_t fault);
// "add o17 m4 l1 n0"
std::string ToText(const Operation& op);

MemcgSlot* FindMemcg(uint32_t serial);  // null when its slot was reused
// Between its css_dying_set and the end of its reparenting.
bool IsDying(uint32_t serial);
// Whether IsDying() need be asked at all: most memcgs live, and to see that is
// to cost little.
inline bool MayBeDying(uint32_t serial) {
  return serial &&
         detail::the_recorder->memcgs[serial % kMemcgSlots].serial.load(
             kRelaxed) == serial;
}
// Of the site's memcg, or of the owner of its list.
inline bool MayBeDying(const lru::fault_site& site) {
  return MayBeDying(site.memcg.serial) ||
         (site.owner.serial != site.memcg.serial &&
          MayBeDying(site.owner.serial));
}
// A task other than the one that tears down has used them.
[[gnu::noinline]] void NoteUse(const lru::fault_site& site);

// The n newest events of a task, oldest first.
std::vector<EventView> LastEvents(const TaskSlot& slot, int n);

// --- findings ---------------------------------------------------------------
// First wins: latches, freezes the recorder and sets stop, with relaxed
// atomics only (with `on_finding: continue` only when findings_max are there).
// Callable in hooks and signal handlers: no lock, no malloc. Returns null when
// the run has enough of them; else fill in and call Publish.
FindingSlot* ClaimFinding(Kind kind);
void PublishFinding(FindingSlot* slot, const char* message);
// An oracle's. `what` and `other` tell one violation of an invariant from
// another, whoever notices: the two stages that came in the wrong order, the
// type of the memory. They go into the signature.
struct Violation {
  const char* invariant;
  uint32_t memcg = 0;  // serial concerned, or 0
  const char* what = "";
  const char* other = "";
};
// With a sentence (printf).
void ReportViolation(const Violation& violation, const char* format, ...)
    __attribute__((format(printf, 2, 3), cold));
// Where the invariant's name says it all.
void ReportInvariant(const char* invariant, uint32_t memcg, const char* format,
                     ...) __attribute__((format(printf, 3, 4), cold));
// Stack of the caller by frame pointers; async-signal-safe.
uint32_t CaptureStack(uint64_t* frames, uint32_t max, void* frame_address);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_FLIGHT_RECORDER_H_
