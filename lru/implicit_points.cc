#include "lru/implicit_points.h"

namespace lru {

// Written by workloads/implicit_points_test, whose head says how.
std::span<const std::string_view> implicit_points_node_lock() {
  static constexpr std::string_view kPoints[] = {
#include "lru/implicit_points_node_lock.inc"
  };
  return kPoints;
}

std::span<const std::string_view> implicit_points_memcg_lock() {
  static constexpr std::string_view kPoints[] = {
#include "lru/implicit_points_memcg_lock.inc"
  };
  return kPoints;
}

}  // namespace lru
