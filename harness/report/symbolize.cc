#include "harness/report/symbolize.h"

#include <fcntl.h>
#include <link.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstring>

#include "absl/container/flat_hash_map.h"
#include "absl/debugging/symbolize.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#if defined(LRU_ASAN) || defined(LRU_TSAN)
extern "C" void __sanitizer_symbolize_pc(void* pc, const char* format,
                                         char* buffer, size_t size);
#endif

#ifndef LRUTORTURE_SYMBOLIZER
#define LRUTORTURE_SYMBOLIZER ""
#endif

namespace harness {
namespace {

using Frames = std::vector<Frame>;

absl::flat_hash_map<uint64_t, Frames>& Cache() {
  static auto* cache = new absl::flat_hash_map<uint64_t, Frames>;
  return *cache;
}

Frames Unknown(uint64_t pc) {
  return {Frame{absl::StrFormat("0x%x", pc), "", 0}};
}

// "/path/file.cc:12:3" into the frame.
void ParseLocation(absl::string_view text, Frame* frame) {
  std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  frame->file = RelativePath({parts[0].data(), parts[0].size()});
  if (parts.size() < 2 || frame->file.empty() ||
      !absl::SimpleAtoi(parts[1], &frame->line)) {
    frame->line = 0;
  }
}

struct Module {
  uint64_t pc;
  std::string path;
  uint64_t offset;
};

int FindModule(dl_phdr_info* info, size_t, void* arg) {
  Module* module = static_cast<Module*>(arg);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    uint64_t start = info->dlpi_addr + segment.p_vaddr;
    if (segment.p_type != PT_LOAD || module->pc < start ||
        module->pc >= start + segment.p_memsz) {
      continue;
    }
    module->offset = module->pc - info->dlpi_addr;
    module->path = info->dlpi_name;
    return 1;
  }
  return 0;
}

bool IsMapped(uint64_t pc) {
  Module module = {pc, "", 0};
  return dl_iterate_phdr(FindModule, &module) != 0;
}

#if defined(LRU_ASAN) || defined(LRU_TSAN)

// One string per inlined function, each ended by a null, then an empty one.
Frames Ask(uint64_t pc) {
  if (!IsMapped(pc)) return {};  // the runtime would complain on stderr
  std::vector<char> buffer(16384);
  // The runtime takes return addresses and steps back by one.
  __sanitizer_symbolize_pc(reinterpret_cast<void*>(pc + 1), "%f\n%s:%l\n",
                           buffer.data(), buffer.size() - 1);
  std::string text;
  const char* end = buffer.data() + buffer.size() - 1;
  for (const char* at = buffer.data(); at < end && *at;) {
    text += at;
    at += strlen(at) + 1;
  }
  return ParseSymbolizerOutput(text);
}

#else

std::string SelfPath() {
  char path[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
  return n > 0 ? std::string(path, static_cast<size_t>(n)) : "";
}

// A request line of llvm-symbolizer; empty when pc is in no module.
std::string Request(uint64_t pc) {
  Module module = {pc, "", 0};
  if (!dl_iterate_phdr(FindModule, &module)) return "";
  if (module.path.empty()) module.path = SelfPath();
  return absl::StrFormat("\"%s\" 0x%x\n", module.path, module.offset);
}

std::string ReadAndClose(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  return text;
}

// All requests lie in a file, so neither side can block the other.
std::string RunSymbolizer(const std::string& requests) {
  if (access(LRUTORTURE_SYMBOLIZER, X_OK) != 0) return "";
  int in = memfd_create("requests", MFD_CLOEXEC);
  int out[2];
  if (in < 0 || pipe2(out, O_CLOEXEC) != 0) return "";
  bool ok = write(in, requests.data(), requests.size()) ==
                static_cast<ssize_t>(requests.size()) &&
            lseek(in, 0, SEEK_SET) == 0;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
                                   O_WRONLY, 0);
  const char* argv[] = {LRUTORTURE_SYMBOLIZER, "--inlines", "--demangle",
                        nullptr};
  pid_t pid = -1;
  ok = ok && posix_spawn(&pid, argv[0], &actions, nullptr,
                         const_cast<char**>(argv), environ) == 0;
  posix_spawn_file_actions_destroy(&actions);
  close(in);
  close(out[1]);
  std::string text = ReadAndClose(out[0]);
  if (ok) waitpid(pid, nullptr, 0);
  return text;
}

Frames AskSymbolTable(uint64_t pc) {
  static const bool ready = [] {
    absl::InitializeSymbolizer("/proc/self/exe");
    return true;
  }();
  char name[1024];
  if (!ready ||
      !absl::Symbolize(reinterpret_cast<void*>(pc), name, sizeof(name))) {
    return {};
  }
  return {Frame{name, "", 0}};
}

void AskAll(const std::vector<uint64_t>& pcs) {
  std::string requests;
  std::vector<uint64_t> asked;
  for (uint64_t pc : pcs) {
    std::string request = Request(pc);
    if (request.empty()) continue;
    requests += request;
    asked.push_back(pc);
  }
  if (asked.empty()) return;
  std::vector<std::string> answers =
      absl::StrSplit(RunSymbolizer(requests), "\n\n");
  if (answers.size() < asked.size()) return;
  for (size_t i = 0; i < asked.size(); ++i) {
    Frames frames = ParseSymbolizerOutput(answers[i]);
    if (!frames.empty()) Cache()[asked[i]] = frames;
  }
}

Frames Ask(uint64_t pc) {
  AskAll({pc});
  auto it = Cache().find(pc);
  return it != Cache().end() ? it->second : AskSymbolTable(pc);
}

#endif

}  // namespace

std::string RelativePath(std::string_view file) {
  if (file.empty() || file.substr(0, 2) == "??" || file == "<null>") return "";
#ifdef LRUTORTURE_SOURCE_DIR
  std::string_view root = LRUTORTURE_SOURCE_DIR "/";
  if (file.substr(0, root.size()) == root) file.remove_prefix(root.size());
#endif
  while (file.substr(0, 2) == "./") file.remove_prefix(2);
  return std::string(file);
}

std::vector<Frame> ParseSymbolizerOutput(std::string_view text) {
  Frames frames;
  std::vector<std::string> lines =
      absl::StrSplit(absl::string_view(text.data(), text.size()), '\n');
  for (size_t i = 0; i + 1 < lines.size(); i += 2) {
    if (lines[i].empty()) break;
    Frame frame;
    frame.function = lines[i];
    ParseLocation(lines[i + 1], &frame);
    bool known = frame.function != "??" && frame.function != "<null>";
    if (known) frames.push_back(std::move(frame));
  }
  return frames;
}

void PrefetchSymbols(const std::vector<uint64_t>& pcs) {
#if defined(LRU_ASAN) || defined(LRU_TSAN)
  (void)pcs;  // the runtime keeps its own process
#else
  std::vector<uint64_t> missing;
  for (uint64_t pc : pcs) {
    if (pc && !Cache().contains(pc)) missing.push_back(pc);
  }
  AskAll(missing);
#endif
}

std::vector<Frame> SymbolizeInlined(uint64_t pc) {
  auto it = Cache().find(pc);
  if (it != Cache().end()) return it->second;
  // What lies in no module is garbage, and asking for it is slow.
  Frames frames = IsMapped(pc) ? Ask(pc) : Frames();
  if (frames.empty()) frames = Unknown(pc);
  Cache()[pc] = frames;
  return frames;
}

Frame Symbolize(uint64_t pc) { return SymbolizeInlined(pc).front(); }

}  // namespace harness
