// Sanitizer reports as data: each becomes a finding of the flight recorder,
// with its kind, the sanitizer's own word for it, and its stacks. The text that
// the runtimes print as well goes to a file and is never parsed, except a
// leak's, for which there is no other interface.
//
//   build  tool   kind of finding
//   tsan   TSan   data_race, memory_error, lock_inversion, deadlock
//   asan   ASan   memory_error, crash (a SEGV under ASan)
//   asan   UBSan  undefined_behavior
//   asan   LSan   leak
//
// Nothing halts: a report does not end the process, the latched finding stops
// the run. In builds without a sanitizer all of this does nothing.
#ifndef LRUTORTURE_HARNESS_SANITIZER_SANITIZER_H_
#define LRUTORTURE_HARNESS_SANITIZER_SANITIZER_H_

namespace harness {

// Reports go to the current recorder from here on, and their text to log_fd
// (-1: stderr). To be called in the torture process, after MapRecorder(), and
// again whenever the recorder is mapped anew. Linking it also brings in the
// runtimes' default options.
void InstallSanitizerHooks(int log_fd);

// Looks for memory that nothing points to any more; a leak becomes one finding
// with up to six of its allocation stacks. Stops all threads for a moment, so
// not while anything is timed.
void CheckLeaks();

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_SANITIZER_SANITIZER_H_
