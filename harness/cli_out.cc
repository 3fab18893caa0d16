#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "harness/cli_suite.h"

namespace harness {
namespace {

constexpr int kSiblingsMax = 100'000;

absl::Status OutError(const std::string& dir, const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("--out: cannot write in '", dir, "': ", what));
}

// Permissions say little (root, full disks, quotas): only writing proves it.
absl::Status Probe(const std::string& dir) {
  std::string path = dir + "/.probe-XXXXXX";
  int fd = mkstemp(path.data());
  if (fd < 0) return OutError(dir, std::strerror(errno));
  bool written = write(fd, "x", 1) == 1;
  int error = errno;
  close(fd);
  unlink(path.c_str());
  return written ? absl::OkStatus() : OutError(dir, std::strerror(error));
}

absl::Status MakeDirs(const std::string& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  // Some versions report success for a file in the way.
  if (!error && !std::filesystem::is_directory(dir, error)) {
    return OutError(dir, "is not a directory");
  }
  return error ? OutError(dir, error.message()) : absl::OkStatus();
}

// The first of DIR, DIR-2, DIR-3, ... that did not exist. mkdir decides: two
// runs at the same time never share one.
absl::StatusOr<std::string> MakeUnique(const std::string& dir) {
  for (int i = 1; i < kSiblingsMax; ++i) {
    std::string candidate = i == 1 ? dir : absl::StrCat(dir, "-", i);
    if (mkdir(candidate.c_str(), 0777) == 0) return candidate;
    if (errno != EEXIST) return OutError(candidate, std::strerror(errno));
  }
  return OutError(dir, "too many siblings");
}

}  // namespace

absl::StatusOr<std::string> MakeOutDir(const std::string& dir, bool unique) {
  std::string made = dir;
  if (unique) {
    std::string parent = std::filesystem::path(dir).parent_path().string();
    if (!parent.empty()) {
      absl::Status status = MakeDirs(parent);
      if (!status.ok()) return status;
    }
    absl::StatusOr<std::string> fresh = MakeUnique(dir);
    if (!fresh.ok()) return fresh.status();
    made = *fresh;
  } else {
    absl::Status status = MakeDirs(dir);
    if (!status.ok()) return status;
  }
  absl::Status status = Probe(made);
  if (!status.ok()) return status;
  return made;
}

}  // namespace harness
