#include "lru/fault_points.h"

#include <array>

namespace lru {

std::atomic<fault_hook_fn> lru_fault_hook = nullptr;
std::atomic<u64> lru_deaf_points = 0;

namespace {
constexpr std::array<fault_point_info, NR_FAULT_POINTS> kPoints = {{
#define X(name, path, holds, error, doc) \
  {FP_##name, #name, fp_path::path, held::holds, error, doc},
    LRU_FAULT_POINTS(X)
#undef X
}};
}  // namespace

const char* held_name(held h) {
  switch (h) {
    case held::NOTHING:
      return "nothing";
    case held::MUTEX:
      return "mutex";
    case held::RCU:
      return "rcu";
    case held::SPIN:
      return "spinlock";
  }
  return "?";
}

const char* fp_path_name(fp_path p) {
  switch (p) {
    case fp_path::MEMCG:
      return "memcg";
    case fp_path::LIST:
      return "list";
    case fp_path::ADD_DEL:
      return "add_del";
    case fp_path::WALK:
      return "walk";
    case fp_path::ALLOC:
      return "alloc";
  }
  return "?";
}

std::span<const fault_point_info> fault_points() { return kPoints; }

fault_point fault_point_by_name(std::string_view name) {
  for (const fault_point_info& info : kPoints) {
    if (name == info.name) return info.fp;
  }
  return NR_FAULT_POINTS;
}

bool may_reclaim_at(fault_point fp) {
  return fp < NR_FAULT_POINTS && kPoints[fp].error &&
         kPoints[fp].holds <= held::MUTEX && fp != FP_shrinker_info_allocated;
}

int fault_point_of_engine(fault_point fp, const fault_site& site) {
  fault_hook_fn hook = lru_fault_hook.load(std::memory_order_relaxed);
  int result = armed(ARMED_HOOK) && hook ? hook(fp, site) : 0;
  engine()->schedule_point(kPoints[fp].name, kPointFault + fp,
                           site.memcg.serial);
  return result;
}

}  // namespace lru
