// Whether a shared object is all there. dlopen() maps what the file's header
// tells of and believes it: what is missing is a SIGBUS when it is touched.
#ifndef LRUTORTURE_LRU_KERNEL_ELF_FILE_H_
#define LRUTORTURE_LRU_KERNEL_ELF_FILE_H_

#include <string>

namespace lru::kernel {

// One line for the user when a segment, a section or the tables of these end
// behind the file's end. Empty: they do not, or it is no ELF file of this
// machine's, which dlopen() says better.
std::string missing_part_of(const std::string& file);

}  // namespace lru::kernel

#endif  // LRUTORTURE_LRU_KERNEL_ELF_FILE_H_
