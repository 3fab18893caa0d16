#include "harness/process_stat.h"

#include <dirent.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "harness/supervisor.h"

namespace harness {
namespace {

// As in the third field of /proc/PID/stat; '?' when there is none.
char StateOf(const std::string& directory) {
  FILE* file = fopen((directory + "/stat").c_str(), "re");
  if (!file) return '?';
  char text[512];
  size_t size = fread(text, 1, sizeof(text) - 1, file);
  text[size] = '\0';
  fclose(file);
  // The state follows the name, which may hold anything.
  const char* name_end = strrchr(text, ')');
  return name_end && name_end[1] == ' ' ? name_end[2] : '?';
}

int CountRunnable(pid_t pid, bool main_too) {
  std::string tasks = absl::StrCat("/proc/", pid, "/task/");
  std::string left_out = main_too ? "" : absl::StrCat(pid);
  DIR* directory = opendir(tasks.c_str());
  if (!directory) return 0;
  int count = 0;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] == '.' || entry->d_name == left_out) continue;
    count += StateOf(tasks + entry->d_name) == 'R';
  }
  closedir(directory);
  return count;
}

uint64_t RanNs(pid_t pid) {
  clockid_t clock;
  timespec ran = {};
  if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ran)) return 0;
  return ran.tv_sec * 1'000'000'000ull + ran.tv_nsec;
}

int CountProcessors(pid_t pid) {
  cpu_set_t set;
  if (sched_getaffinity(pid, sizeof(set), &set)) return 1;
  return CPU_COUNT(&set);
}

}  // namespace

bool IsStopped(pid_t pid) {
  char state = StateOf(absl::StrCat("/proc/", pid));
  return state == 'T' || state == 't';
}

double ProcessorShare::SinceLast(pid_t pid, bool main_works) {
  uint64_t now_ns = MonotonicNs();
  uint64_t all_ran_ns = RanNs(pid);
  double passed = now_ns - at_ns_;
  double ran = all_ran_ns - std::min(ran_ns_, all_ran_ns);
  bool first = at_ns_ == 0;
  at_ns_ = now_ns;
  ran_ns_ = all_ran_ns;
  if (first || all_ran_ns == 0) return 1;
  int processors = CountProcessors(pid);
  if (ran >= 0.75 * passed * processors) return 1;
  int wanted = std::min(CountRunnable(pid, main_works), processors);
  return wanted ? std::clamp(ran / (passed * wanted), kLeast, 1.0) : 1;
}

}  // namespace harness
