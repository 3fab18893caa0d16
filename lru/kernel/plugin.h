// Plug-ins: a kernel tree's own mm/list_lru.c, loaded as one more list_lru_ops.
#ifndef LRUTORTURE_LRU_KERNEL_PLUGIN_H_
#define LRUTORTURE_LRU_KERNEL_PLUGIN_H_

#include <atomic>
#include <string>

#include "lru/list_lru.h"

namespace lru {

struct kernel_lru {
  list_lru_ops ops = {};  // its name is the one asked for
  std::string name;
  std::string doc;
  std::string version;  // of the tree: "6.12.117", or "unknown"
  std::string bugs;     // of features.py that its text has, by spaces
};

// Opens `file` and makes ops of it, under `name`. Null: `error` says why, in
// words for the user. What is loaded stays for ever. Before any task starts.
const kernel_lru* load_kernel_lru(const std::string& name,
                                  const std::string& file, std::string* error);

// What is wrong in a plug-in by its own word, or by the shim's.
enum kernel_complaint : u8 {
  KERNEL_WARNS,     // WARN_ON(what) in fn()
  KERNEL_STOPS,     // BUG_ON(what), or BUG(): the process aborts next
  KERNEL_OVERRUNS,  // somebody has written behind a piece of that type
};
// In the task that it happens to, whatever is held there; literals, that stay
// for ever. The rules of fault_hook_fn, but called whether or not anything is
// armed. While it is null complaints go to stderr.
using kernel_complaint_fn = void (*)(kernel_complaint complaint,
                                     const char* what, const char* fn);
extern std::atomic<kernel_complaint_fn> lru_kernel_complaint_hook;
namespace kernel {
void complain(kernel_complaint complaint, const char* what, const char* fn);
}

}  // namespace lru

#endif  // LRUTORTURE_LRU_KERNEL_PLUGIN_H_
