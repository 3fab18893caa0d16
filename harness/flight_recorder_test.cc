#include "harness/flight_recorder.h"

#include <sys/wait.h>
#include <unistd.h>

#include "gtest/gtest.h"
#include "harness/recorder_fixture.h"

namespace harness {
namespace {

using FlightRecorderTest = RecorderTest;

uint64_t Samples(const Histogram& histogram) {
  uint64_t sum = 0;
  for (const auto& bucket : histogram.count) sum += bucket.load();
  return sum;
}

TEST_F(FlightRecorderTest, OperationIsOneEventOneSampleOneStep) {
  const Operation op = {Verb::k_add, 7, 0, 1, 0};
  BeginOperation(op);
  EXPECT_NE(slot().op_started_ticks.load(), 0u);
  EXPECT_EQ(slot().progress.load(), 0u);
  EndOperation({Verb::k_add, 7, 3, 1, 0}, 1);
  EXPECT_EQ(slot().op_started_ticks.load(), 0u);
  EXPECT_EQ(slot().progress.load(), 1u);
  EXPECT_EQ(slot().operations[static_cast<int>(Verb::k_add)].load(), 1u);
  EXPECT_EQ(Samples(slot().latency[static_cast<int>(Verb::k_add)]), 1u);
  ASSERT_EQ(slot().head.load(), 1u);
  EventView event = LastEvents(slot(), 1)[0];
  EXPECT_EQ(ToText(event.op), "add o7 m3 l1 n0");
  EXPECT_EQ(event.what, 1);
}

TEST_F(FlightRecorderTest, NothingIsRecordedOnceFrozen) {
  r().freeze.store(1);
  BeginOperation({Verb::k_add, 1, 0, 0, -1});
  EndOperation({Verb::k_add, 1, 0, 0, -1}, 0);
  RecordPoint(lru::FP_css_dying_set, Site(5));
  EXPECT_EQ(slot().head.load(), 0u);
  EXPECT_EQ(slot().progress.load(), 0u);
  EXPECT_EQ(FindMemcg(5), nullptr);
}

TEST_F(FlightRecorderTest, FaultEventNamesFaultAndPoint) {
  RecordFault(lru::FP_src_locked, 3);
  EventView event = LastEvents(slot(), 1)[0];
  EXPECT_EQ(event.op.verb, Verb::k_fault);
  EXPECT_EQ(event.op.object, uint32_t{lru::FP_src_locked});
  EXPECT_EQ(event.what, 3);
}

TEST_F(FlightRecorderTest, SlotOfAFinishedTaskKeepsItsCounts) {
  auto step = [](void*) {
    BeginOperation({Verb::k_del, 0, 0, 0, -1});
    EndOperation({Verb::k_del, 0, 0, 0, -1}, 0);
  };
  lru::task* first = lru::task_start("deleter-0", step, nullptr);
  TaskSlot* slot_of_first = SlotOf(first);
  lru::task_join(first);
  lru::task* second = lru::task_start("deleter-1", step, nullptr);
  EXPECT_NE(SlotOf(second), slot_of_first);
  lru::task_join(second);
  EXPECT_EQ(slot_of_first->progress.load(), 1u);
  EXPECT_STREQ(slot_of_first->task.name, "deleter-0");
  EXPECT_EQ(r().nr_tasks.load(), 3u);
}

TEST_F(FlightRecorderTest, OtherProcessSeesWhatWasWritten) {
  pid_t pid = fork();
  if (pid == 0) {
    RecordPoint(lru::FP_css_dying_set, Site(9));
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_NE(FindMemcg(9), nullptr);
}

TEST(FlightRecorderAloneTest, ThreadsThatAreNoTasksAreIgnored) {
  MapRecorder();
  BeginOperation({Verb::k_add, 0, 0, 0, -1});
  EndOperation({Verb::k_add, 0, 0, 0, -1}, 0);
  RecordPoint(lru::FP_css_dying_set, lru::fault_site{});
  EXPECT_EQ(recorder()->nr_tasks.load(), 0u);
  UnmapRecorder();
  EXPECT_EQ(recorder(), nullptr);
}

}  // namespace
}  // namespace harness
