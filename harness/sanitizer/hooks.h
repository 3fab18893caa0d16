// Between the files of this directory only.
#ifndef LRUTORTURE_HARNESS_SANITIZER_HOOKS_H_
#define LRUTORTURE_HARNESS_SANITIZER_HOOKS_H_

namespace harness {

// A static library's object is linked when somebody needs a symbol of it. The
// runtimes bring weak defaults for their hooks, so nobody needs ours: these
// two are the symbols that InstallSanitizerHooks() needs.
void LinkSanitizerOptions();
void LinkSanitizerHooks();

// Where the runtimes' text goes.
void SetSanitizerLogFd(int fd);
int SanitizerLogFd();

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_SANITIZER_HOOKS_H_
