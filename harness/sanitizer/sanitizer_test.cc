// Real defects, one per tool, in functions that look like those of lru/: each
// must become a finding with its kind, its word and its stacks. What a build
// has no detector for, it must stay silent about.
#include "harness/sanitizer/sanitizer.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <string>

#include "gtest/gtest.h"
#include "harness/finding_raw.h"
#include "harness/report/report.h"
#include "harness/sanitizer/suppressions.h"

namespace lru {

struct list_lru_node {
  long nr_items = 0;
};

#define NOINLINE __attribute__((noinline, used))

NOINLINE void list_lru_add(list_lru_node* nlru) {
  nlru->nr_items++;
  asm volatile("");
}
NOINLINE void memcg_reparent_list_lru_node(list_lru_node* nlru) {
  nlru->nr_items = 0;
  asm volatile("");
}
NOINLINE list_lru_node* memcg_init_list_lru_one() {
  void* volatile memory = malloc(sizeof(list_lru_node));
  return new (memory) list_lru_node;
}
NOINLINE void memcg_list_lru_free(list_lru_node* nlru) {
  free(nlru);
  asm volatile("");
}
NOINLINE int count_one(int count) {
  int result = count + 1;
  asm volatile("" : "+r"(result));
  return result;
}

}  // namespace lru

namespace harness {
namespace {

[[maybe_unused]] std::string Names(const SanitizerStack& stack) {
  std::string names;
  for (uint32_t i = 0; i < stack.nr_frames; ++i) {
    names += Symbolize(stack.frames[i]).function + "\n";
  }
  return names;
}

class SanitizerTest : public testing::Test {
 protected:
  void SetUp() override {
    recorder_ = MapRecorder();
    recorder_->findings_stop.store(kFindingsMax);
    UseRecorderTasks();
    log_ = tmpfile();
    InstallSanitizerHooks(fileno(log_));
    lru::task_adopt("main");
  }
  void TearDown() override {
    lru::task_disown();
    SetRawRecorder(nullptr);
    lru::set_task_source(nullptr);
    UnmapRecorder();
    fclose(log_);
  }
  uint32_t Findings() const { return recorder_->nr_findings.load(); }
  const FindingSlot& First() const { return recorder_->findings[0]; }
  std::string LogText() const {
    char buffer[4096] = {};
    ssize_t n = pread(fileno(log_), buffer, sizeof(buffer) - 1, 0);
    return n > 0 ? std::string(buffer) : "";
  }

  Recorder* recorder_ = nullptr;
  FILE* log_ = nullptr;
};

struct Pair {
  lru::list_lru_node nlru;
  std::atomic<int> turn = 0;  // relaxed: it must not order the accesses
  std::atomic<int> locked = 0;
  bool use_lock = false;

  void Lock() {
    while (use_lock && locked.exchange(1, std::memory_order_acquire)) {
      lru::cpu_relax();
    }
  }
  void Unlock() {
    if (use_lock) locked.store(0, std::memory_order_release);
  }
};

void Reparent(void* arg) {
  Pair* pair = static_cast<Pair*>(arg);
  while (pair->turn.load(std::memory_order_relaxed) == 0) lru::cpu_relax();
  pair->Lock();
  lru::memcg_reparent_list_lru_node(&pair->nlru);
  pair->Unlock();
  pair->turn.store(2, std::memory_order_relaxed);
}

void Add(void* arg) {
  Pair* pair = static_cast<Pair*>(arg);
  pair->Lock();
  lru::list_lru_add(&pair->nlru);
  pair->Unlock();
  pair->turn.store(1, std::memory_order_relaxed);
  // Stays, so that TSan can still name it.
  while (pair->turn.load(std::memory_order_relaxed) != 2) lru::cpu_relax();
}

void RunPair(Pair* pair) {
  lru::task* adder = lru::task_start("adder-0", Add, pair);
  lru::task* destroyer = lru::task_start("destroyer-0", Reparent, pair);
  lru::task_join(adder);
  lru::task_join(destroyer);
}

TEST_F(SanitizerTest, OrderedAccessesLeaveNoFinding) {
  Pair* pair = new Pair;
  pair->use_lock = true;
  for (int i = 0; i < 10; ++i) {
    pair->turn = 0;
    RunPair(pair);
  }
  delete pair;
  CheckLeaks();
  EXPECT_EQ(Findings(), 0u) << First().message;
}

TEST_F(SanitizerTest, DataRaceNamesBothTasksAndBothFunctions) {
  Pair* pair = new Pair;
  RunPair(pair);
  delete pair;
#ifdef LRU_TSAN
  ASSERT_EQ(Findings(), 1u);
  const FindingSlot& f = First();
  EXPECT_EQ(f.ready.load(), 1u);
  EXPECT_EQ(f.kind, Kind::kDataRace);
  EXPECT_STREQ(f.type, "data-race");
  ASSERT_GE(f.nr_stacks, 3u);
  EXPECT_STREQ(f.stacks[0].title,
               "write of size 8 by destroyer-0, holding no lock");
  EXPECT_STREQ(f.stacks[1].title, "earlier write of size 8 by adder-0");
  EXPECT_NE(Names(f.stacks[0]).find("memcg_reparent_list_lru_node"),
            std::string::npos)
      << Names(f.stacks[0]);
  EXPECT_NE(Names(f.stacks[1]).find("list_lru_add"), std::string::npos);
  EXPECT_EQ(std::string(f.stacks[2].title).rfind("heap block of ", 0), 0u);
  EXPECT_NE(LogText().find("WARNING: ThreadSanitizer: data race"),
            std::string::npos);
#else
  EXPECT_EQ(Findings(), 0u);
#endif
}

TEST_F(SanitizerTest, UseAfterFreeNamesUseFreeAndAllocation) {
#if defined(LRU_ASAN)
  lru::list_lru_node* nlru = lru::memcg_init_list_lru_one();
  lru::memcg_list_lru_free(nlru);
  lru::list_lru_add(nlru);
  ASSERT_GE(Findings(), 1u);
  const FindingSlot& f = First();
  EXPECT_EQ(f.ready.load(), 1u);
  EXPECT_EQ(f.kind, Kind::kMemoryError);
  EXPECT_STREQ(f.type, "heap-use-after-free");
  EXPECT_EQ(f.address, reinterpret_cast<uint64_t>(&nlru->nr_items));
  ASSERT_EQ(f.nr_stacks, 3u);
  EXPECT_NE(Names(f.stacks[0]).find("list_lru_add"), std::string::npos);
  EXPECT_STREQ(f.stacks[1].title, "freed by the main thread");
  EXPECT_NE(Names(f.stacks[1]).find("memcg_list_lru_free"), std::string::npos)
      << Names(f.stacks[1]);
  EXPECT_STREQ(f.stacks[2].title, "allocated by the main thread");
  EXPECT_NE(Names(f.stacks[2]).find("memcg_init_list_lru_one"),
            std::string::npos);
  EXPECT_NE(LogText().find("heap-use-after-free"), std::string::npos);
#else
  GTEST_SKIP() << "undefined behaviour without ASan";
#endif
}

TEST_F(SanitizerTest, SignedOverflowNamesItsFunction) {
#if defined(LRU_ASAN)
  volatile int most = INT_MAX;
  lru::count_one(most);
  ASSERT_EQ(Findings(), 1u);
  const FindingSlot& f = First();
  EXPECT_EQ(f.kind, Kind::kUndefinedBehavior);
  EXPECT_STREQ(f.type, "signed-integer-overflow");
  EXPECT_NE(std::string(f.message).find("2147483647 + 1"), std::string::npos)
      << f.message;
  ASSERT_EQ(f.nr_stacks, 1u);
  EXPECT_NE(Names(f.stacks[0]).find("count_one"), std::string::npos)
      << Names(f.stacks[0]);
#else
  GTEST_SKIP() << "undefined behaviour without UBSan";
#endif
}

TEST_F(SanitizerTest, LeakNamesWhereItWasAllocated) {
  [[maybe_unused]] lru::list_lru_node* volatile leaked =
      lru::memcg_init_list_lru_one();
  leaked = nullptr;
  // A pointer left over in a dead part of the stack would hide the leak.
  char* volatile scratch = static_cast<char*>(alloca(16384));
  memset(scratch, 0, 16384);
  CheckLeaks();
#if defined(LRU_ASAN)
  ASSERT_EQ(Findings(), 1u);
  const FindingSlot& f = First();
  EXPECT_EQ(f.kind, Kind::kLeak);
  EXPECT_STREQ(f.type, "leak");
  EXPECT_NE(std::string(f.message).find("8 byte(s) leaked in 1 allocation(s)"),
            std::string::npos)
      << f.message;
  ASSERT_EQ(f.nr_stacks, 1u);
  EXPECT_STREQ(f.stacks[0].title, "Direct leak of 8 byte(s) in 1 object(s)");
  EXPECT_NE(Names(f.stacks[0]).find("memcg_init_list_lru_one"),
            std::string::npos)
      << Names(f.stacks[0]);
  EXPECT_NE(LogText().find("LeakSanitizer"), std::string::npos);
#else
  EXPECT_EQ(Findings(), 0u);
#endif
}

TEST_F(SanitizerTest, MoreFindingsThanRoomAreCountedNotWritten) {
  recorder_->findings_stop.store(1);
  EXPECT_NE(RawClaimFinding(Kind::kDataRace), nullptr);
  EXPECT_EQ(RawClaimFinding(Kind::kDataRace), nullptr);
  EXPECT_EQ(Findings(), 2u);
  EXPECT_EQ(recorder_->freeze.load(), 1u);
  EXPECT_EQ(recorder_->stop.load(), 1u);
}

TEST(RawTextTest, StopsAtItsEnd) {
  char buffer[8];
  RawText(buffer, sizeof(buffer)).Str("abc").Dec(98765);
  EXPECT_STREQ(buffer, "abc9876");
  RawText(buffer, sizeof(buffer)).Until("ab,cd", ',').Dec(0);
  EXPECT_STREQ(buffer, "ab0");
}

TEST(SuppressionsTest, EachIsExplainedAndReachesItsTool) {
  for (const Suppression& s : Suppressions()) {
    EXPECT_TRUE(s.name && s.tool && s.pattern && *s.name);
    EXPECT_TRUE(s.cause && s.proof && s.remove_when) << s.name;
    char buffer[4096];
    EXPECT_NE(
        strstr(SuppressionText(s.tool, buffer, sizeof(buffer)), s.pattern),
        nullptr);
  }
  char buffer[16];
  EXPECT_STREQ(SuppressionText("no such tool", buffer, sizeof(buffer)), "");
}

}  // namespace
}  // namespace harness

// Where TSan has reported anything, it turns exit(0) and _exit(0) into 66: here
// reports are what is wanted, so past its interceptors.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  int result = RUN_ALL_TESTS();
  fflush(nullptr);
  syscall(SYS_exit_group, result);
  return result;
}
