// What an oracle remembers of each task, apart from what actors know of
// themselves (object.h): workers have none of that. Task-local, so plain.
#ifndef LRUTORTURE_WORKLOADS_ORACLES_PER_TASK_H_
#define LRUTORTURE_WORKLOADS_ORACLES_PER_TASK_H_

#include "lru/sync/task.h"

namespace workloads {

template <class Notes>
class PerTask {
 public:
  Notes& Mine() {
    return slots_[lru::current_task()->id % lru::kTasksMax].notes;
  }
  // While no other task listens.
  void Clear() {
    for (Slot& slot : slots_) slot.notes = {};
  }
  template <class F>
  void ForEach(F visit) {
    for (Slot& slot : slots_) visit(slot.notes);
  }

 private:
  struct alignas(64) Slot {
    Notes notes;
  };
  Slot slots_[lru::kTasksMax];
};

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ORACLES_PER_TASK_H_
