// The implicit points (lru/sync/engine.h) that clean code visits, by lru: the
// valid names of a fault at one of them.
#ifndef LRUTORTURE_LRU_IMPLICIT_POINTS_H_
#define LRUTORTURE_LRU_IMPLICIT_POINTS_H_

#include <span>
#include <string_view>

namespace lru {

// `OUTER/FUNCTION>OP`, sorted; `:done` may follow each. The callers' own sites
// are among them: those of workloads/, since a delay there is one, too.
std::span<const std::string_view> implicit_points_node_lock();
std::span<const std::string_view> implicit_points_memcg_lock();

}  // namespace lru

#endif  // LRUTORTURE_LRU_IMPLICIT_POINTS_H_
