#include "harness/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "harness/crash_handler.h"
#include "harness/report/report.h"
#include "harness/sanitizer/sanitizer.h"
#include "harness/supervisor.h"

namespace harness {
namespace {

void DieWithSupervisor(pid_t supervisor) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(kExitHarness);  // it was faster
}

[[noreturn]] void RunChild(const TortureBody& body, int sanitizer_log_fd,
                           pid_t supervisor) {
  DieWithSupervisor(supervisor);
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  InstallSanitizerHooks(sanitizer_log_fd);
  InstallCrashHandler();
  InstallAlternateStack();
  InstallStackHandler();
  bool ok = body();
  bool found = recorder()->nr_findings.load(std::memory_order_relaxed) != 0;
  // Not exit(): buffers and destructors are the supervisor's.
  _exit(found ? kChildFound : ok ? 0 : kExitHarness);
}

std::string SignalName(int signal) {
  const char* abbreviation = sigabbrev_np(signal);
  if (!abbreviation) return absl::StrCat("signal ", signal);
  return absl::StrCat("SIG", abbreviation);
}

bool IsCrash(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL ||
         signal == SIGFPE || signal == SIGABRT || signal == SIGTRAP ||
         signal == SIGSYS;
}

Death JudgeSignal(int signal) {
  std::string name = SignalName(signal);
  if (IsCrash(signal)) {
    return {Kind::kCrash, name,
            absl::StrCat("the torture process died of ", name,
                         " before it could say where")};
  }
  std::string message = absl::StrCat("the torture process was killed by ", name,
                                     ", which lrutorture did not send");
  if (signal == SIGKILL) {
    absl::StrAppend(&message,
                    ": the kernel, out of memory, or somebody's kill -9");
  }
  return {Kind::kKilled, name, message};
}

}  // namespace

SanitizerLog::SanitizerLog(const std::string& out_dir) {
  if (strcmp(BuildSanitizer(), "none") == 0) return;
  path_ = absl::StrCat(out_dir, "/sanitizer.log");
  fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
             0644);
}

SanitizerLog::~SanitizerLog() {
  if (fd_ < 0) return;
  if (!IsWritten()) unlink(path_.c_str());
  close(fd_);
}

bool SanitizerLog::IsWritten() const {
  struct stat info;
  return fd_ >= 0 && fstat(fd_, &info) == 0 && info.st_size > 0;
}

void SanitizerLog::Clear() {
  if (fd_ >= 0 && ftruncate(fd_, 0)) perror(path_.c_str());
}

pid_t StartChild(const TortureBody& body, int sanitizer_log_fd) {
  fflush(nullptr);  // or the child would own a copy of what is buffered
  pid_t supervisor = getpid();
  recorder()->snapshot_wanted.store(1, std::memory_order_relaxed);
  pid_t pid = fork();
  if (pid == 0) {
    RunChild(body, sanitizer_log_fd, supervisor);
  }
  return pid;
}

std::optional<Death> JudgeDeath(int status, Phase phase) {
  if (WIFSIGNALED(status)) return JudgeSignal(WTERMSIG(status));
  int code = WEXITSTATUS(status);
  if (code == 0 && phase == Phase::kDone) return std::nullopt;
  return Death{Kind::kCrash, absl::StrCat("exit ", code),
               absl::StrCat("the torture process ended with exit code ", code,
                            " in the middle of its work and left no finding")};
}

}  // namespace harness
