#include "lru/kernel/elf_file.h"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <vector>

#include "lru/sync/types.h"

namespace lru::kernel {
namespace {

class elf_file {
 public:
  explicit elf_file(const std::string& path)
      : in_(path, std::ios::binary | std::ios::ate),
        size_(in_ ? static_cast<u64>(in_.tellg()) : 0) {}

  u64 size() const { return size_; }
  // False: it ends before.
  bool has(u64 offset, u64 size) const {
    return offset <= size_ && size <= size_ - offset;
  }
  template <class T>
  bool read(u64 offset, T* to, size_t count = 1) {
    if (!has(offset, count * sizeof(T))) return false;
    in_.seekg(static_cast<std::streamoff>(offset));
    in_.read(reinterpret_cast<char*>(to),
             static_cast<std::streamsize>(count * sizeof(T)));
    return in_.good();
  }
  template <class T>
  bool read_table(u64 offset, size_t count, std::vector<T>* to) {
    to->resize(count);
    return read(offset, to->data(), count);
  }

 private:
  std::ifstream in_;
  u64 size_;
};

bool is_of_this_machine(const Elf64_Ehdr& header) {
  return memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         header.e_ident[EI_CLASS] == ELFCLASS64 &&
         (header.e_phnum == 0 || header.e_phentsize == sizeof(Elf64_Phdr)) &&
         (header.e_shnum == 0 || header.e_shentsize == sizeof(Elf64_Shdr));
}

// The first part that is not all there, or null.
const char* missing_part(elf_file& file, const Elf64_Ehdr& header) {
  std::vector<Elf64_Phdr> segments;
  if (!file.read_table(header.e_phoff, header.e_phnum, &segments)) {
    return "the table of its segments";
  }
  for (const Elf64_Phdr& segment : segments) {
    if (!file.has(segment.p_offset, segment.p_filesz)) return "a segment";
  }
  std::vector<Elf64_Shdr> sections;
  if (!file.read_table(header.e_shoff, header.e_shnum, &sections)) {
    return "the table of its sections";
  }
  for (const Elf64_Shdr& section : sections) {
    bool in_file = section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL;
    if (in_file && !file.has(section.sh_offset, section.sh_size)) {
      return "a section";
    }
  }
  return nullptr;
}

}  // namespace

std::string missing_part_of(const std::string& path) {
  elf_file file(path);
  Elf64_Ehdr header = {};
  if (!file.read(0, &header) || !is_of_this_machine(header)) return "";
  const char* missing = missing_part(file, header);
  if (!missing) return "";
  return "the file is cut short: it has " + std::to_string(file.size()) +
         " bytes, and " + missing +
         " ends behind these: build it, or copy it, again";
}

}  // namespace lru::kernel
