// For tests: a mapped recorder, with the test itself as one of its tasks.
#ifndef LRUTORTURE_HARNESS_RECORDER_FIXTURE_H_
#define LRUTORTURE_HARNESS_RECORDER_FIXTURE_H_

#include "gtest/gtest.h"
#include "harness/flight_recorder.h"

namespace harness {

class RecorderTest : public testing::Test {
 protected:
  void SetUp() override {
    MapRecorder();
    UseRecorderTasks();
    lru::task_adopt("adder-0");
    slot().type_index.store(0, std::memory_order_relaxed);
  }
  void TearDown() override {
    lru::task_disown();
    lru::set_task_source(nullptr);
    UnmapRecorder();
  }
  Recorder& r() { return *recorder(); }
  TaskSlot& slot() { return *CurrentSlot(); }

  static lru::fault_site Site(uint32_t memcg, int depth = 1, int nid = -1) {
    lru::fault_site site;
    site.memcg.serial = memcg;
    site.depth = depth;
    site.nid = nid;
    return site;
  }
};

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_RECORDER_FIXTURE_H_
