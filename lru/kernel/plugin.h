// Plug-ins: a kernel tree's own mm/list_lru.c, loaded as one more list_lru_ops.
#ifndef LRUTORTURE_LRU_KERNEL_PLUGIN_H_
#define LRUTORTURE_LRU_KERNEL_PLUGIN_H_

#include <string>

#include "lru/list_lru.h"

namespace lru {

struct kernel_lru {
  list_lru_ops ops = {};  // its name is the one asked for
  std::string name;
  std::string doc;
  std::string version;   // of the tree: "6.12.117", or "unknown"
  int version_code = 0;  // 6 << 16 | 12 << 8 | 117; 0: unknown
};

// Opens `file` and makes ops of it, under `name`. Null: `error` says why, in
// words for the user. What is loaded stays for ever. Before any task starts.
const kernel_lru* load_kernel_lru(const std::string& name,
                                  const std::string& file, std::string* error);

}  // namespace lru

#endif  // LRUTORTURE_LRU_KERNEL_PLUGIN_H_
