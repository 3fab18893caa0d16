// The kernel's short names for fixed-width integers.
#ifndef LRUTORTURE_LRU_SYNC_TYPES_H_
#define LRUTORTURE_LRU_SYNC_TYPES_H_

#include <cstddef>
#include <cstdint>

namespace lru {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using s8 = int8_t;
using s32 = int32_t;
using s64 = int64_t;

}  // namespace lru

#endif  // LRUTORTURE_LRU_SYNC_TYPES_H_
