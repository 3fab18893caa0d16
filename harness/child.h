// The torture process: a fork of the supervisor that does one piece of work and
// never returns.
#ifndef LRUTORTURE_HARNESS_CHILD_H_
#define LRUTORTURE_HARNESS_CHILD_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "harness/flight_recorder.h"

namespace harness {

// Ends with this code when there is a finding.
inline constexpr int kChildFound = 66;

// Where the sanitizers' own text goes, opened in builds that have one.
class SanitizerLog {
 public:
  explicit SanitizerLog(const std::string& out_dir);
  // Closes it, and removes it when nothing was written.
  ~SanitizerLog();
  SanitizerLog(const SanitizerLog&) = delete;
  SanitizerLog& operator=(const SanitizerLog&) = delete;
  int fd() const { return fd_; }  // -1: stderr
  bool IsWritten() const;
  void Clear();

 private:
  std::string path_;
  int fd_ = -1;
};

// Sets up, arms, runs the actors, quiets, checks the totals, tears down, and
// tells the recorder. False: the harness itself failed.
using TortureBody = std::function<bool()>;

// Returns the child's pid, or -1. The calling process has one thread and a
// mapped recorder. The child hears no Ctrl-C (the supervisor tells it to stop)
// and dies with the supervisor.
pid_t StartChild(const TortureBody& body, int sanitizer_log_fd);

// What a child's end says that left no finding behind.
struct Death {
  Kind kind;
  std::string type;  // "SIGKILL", "exit 66"
  std::string message;
};
// `status` is waitpid()'s. None when it ended as it should.
std::optional<Death> JudgeDeath(int status, Phase phase);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_CHILD_H_
