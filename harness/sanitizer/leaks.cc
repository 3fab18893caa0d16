// LeakSanitizer has no callback: its text is caught in a file of memory, and
// the program counters are read back from it.
#include "harness/sanitizer/sanitizer.h"

#if defined(LRU_ASAN)

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "harness/finding_raw.h"
#include "harness/sanitizer/hooks.h"

extern "C" int __lsan_do_recoverable_leak_check();

namespace harness {
namespace {

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  lseek(fd, 0, SEEK_SET);
  for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(n));
  }
  return text;
}

void WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t n = write(fd, text.data(), text.size());
    if (n <= 0) return;  // the log is for people; the finding is what counts
    text.remove_prefix(static_cast<size_t>(n));
  }
}

// Returns the text of the check, empty when nothing has leaked.
std::string LeakText() {
  int fd = memfd_create("leaks", MFD_CLOEXEC);
  if (fd < 0) return __lsan_do_recoverable_leak_check() ? "leak" : "";
  int log = SanitizerLogFd();
  SetSanitizerLogFd(fd);
  bool leaked = __lsan_do_recoverable_leak_check() != 0;
  SetSanitizerLogFd(log);
  std::string text = ReadAll(fd);
  close(fd);
  WriteAll(log, text);
  return leaked ? text : "";
}

// "    #0 0x55d0c1 in malloc file:line" -> the address, or 0.
uint64_t FrameOf(absl::string_view line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  size_t at = line.find(" 0x");
  uint64_t pc = 0;
  if (!absl::StartsWith(line, "#") || at == line.npos) return 0;
  line = line.substr(at + 1, line.find(' ', at + 1) - at - 1);
  return absl::SimpleHexAtoi(line, &pc) ? pc : 0;
}

void FillStacks(const std::string& text, FindingSlot* slot) {
  SanitizerStack* stack = nullptr;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::EndsWith(line, "allocated from:")) {
      stack = RawAddStack(slot);
      absl::ConsumeSuffix(&line, " allocated from:");
      if (stack) {
        snprintf(stack->title, sizeof(stack->title), "%.*s",
                 static_cast<int>(line.size()), line.data());
      }
    } else if (uint64_t pc = FrameOf(line); pc && stack) {
      uint32_t n = stack->nr_frames;
      if (n < kFramesMax && (n == 0 || stack->frames[n - 1] != pc)) {
        stack->frames[stack->nr_frames++] = pc;
      }
    }
  }
}

// "SUMMARY: AddressSanitizer: 48 byte(s) leaked in 1 allocation(s)."
std::string Sentence(const std::string& text) {
  constexpr char kSummary[] = "SUMMARY: AddressSanitizer: ";
  size_t at = text.find(kSummary);
  size_t end = text.find('\n', at);
  if (at == text.npos) return "Memory is left that nothing points to.";
  at += strlen(kSummary);
  return "Memory is left that nothing points to: " + text.substr(at, end - at);
}

}  // namespace

void CheckLeaks() {
  std::string text = LeakText();
  if (text.empty()) return;
  FindingSlot* slot = RawClaimFinding(Kind::kLeak);
  if (!slot) return;
  snprintf(slot->type, sizeof(slot->type), "leak");
  FillStacks(text, slot);
  RawPublishFinding(slot, Sentence(text).c_str());
}

}  // namespace harness

#endif  // LRU_ASAN
