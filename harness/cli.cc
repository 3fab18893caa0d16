#include "harness/cli.h"

#include <sys/auxv.h>
#include <sys/personality.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "harness/json_input.h"
#include "harness/report/build_info.h"
#include "harness/report/report.h"
#include "harness/workload.h"

namespace harness {
namespace {

constexpr const char* kPlanned[] = {"minimize", "merge", "bench"};

struct Entry {
  const char* name;
  int (*run)(const Args& args, const Cli& cli);
};
constexpr Entry kEntries[] = {
    {"run", RunCommand},         {"check", CheckCommand},
    {"replay", ReplayCommand},   {"show", ShowCommand},
    {"explain", ExplainCommand}, {"list", ListCommand},
    {"schema", SchemaCommand}};

int UnknownCommand(const Cli& cli, const std::string& name) {
  for (const char* planned : kPlanned) {
    if (name == planned) {
      return UsageError(cli, absl::StrCat("'", name,
                                          "' is planned; this build does not "
                                          "have it yet"));
    }
  }
  std::vector<std::string> names = {"help"};
  for (const CommandSpec& command : Commands()) names.push_back(command.name);
  std::string hint = DidYouMean(name, names);
  if (hint.empty()) hint = " (see lrutorture help)";
  const char* what = name.rfind("-", 0) == 0 ? "option" : "command";
  return UsageError(
      cli, absl::StrCat("unknown ", what, " '", Printable(name), "'", hint));
}

int Help(const Args& args, const Cli& cli) {
  std::string text = GeneralHelp();
  if (!args.empty()) {
    bool known = false;
    for (const CommandSpec& command : Commands()) {
      if (command.name == args[0]) {
        text = CommandHelp(command);
        known = true;
      }
    }
    if (!known && args[0] != "help") return UnknownCommand(cli, args[0]);
  }
  std::fputs(text.c_str(), cli.out);
  return kExitPass;
}

int Version(const Cli& cli) {
  std::fprintf(cli.out, "lrutorture %s (commit %s, %s, %s, sanitizer %s)\n",
               BuildVersion(), BuildCommit(), BuildPreset(), BuildCompiler(),
               BuildSanitizer());
  return kExitPass;
}

int Dispatch(const Args& args, const Cli& cli) {
  if (args.empty()) {
    std::fputs(GeneralHelp().c_str(), cli.err);
    return kExitUsage;
  }
  const std::string& name = args[0];
  Args rest(args.begin() + 1, args.end());
  if (name == "help" || name == "--help" || name == "-h") {
    return Help(rest, cli);
  }
  if (name == "--version") return Version(cli);
  for (const Entry& entry : kEntries) {
    if (name == entry.name) return entry.run(rest, cli);
  }
  return UnknownCommand(cli, name);
}

bool HasTeardown(const std::filesystem::path& dir) {
  std::error_code error;
  return std::filesystem::is_regular_file(dir / "teardown.json", error);
}

// The shortest way to say it: reports and replay commands quote it.
std::string FromHere(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::path near = std::filesystem::proximate(path, error);
  if (error || near.empty() || *near.begin() == "..") return path.string();
  return near.string();
}

}  // namespace

bool Accept(const std::string& command, const Args& args, const Cli& cli,
            Arguments& parsed, int& exit_code) {
  const CommandSpec& spec = CommandNamed(command);
  parsed = ParseArguments(spec, args);
  if (parsed.help) {
    std::fputs(CommandHelp(spec).c_str(), cli.out);
    exit_code = kExitPass;
    return false;
  }
  for (const std::string& error : parsed.errors) {
    exit_code = UsageError(cli, error);
  }
  return parsed.errors.empty();
}

int UsageError(const Cli& cli, const std::string& line) {
  std::fprintf(cli.err, "%s\n", line.c_str());
  return kExitUsage;
}

std::string FindConfigsDir() {
  std::error_code error;
  auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  // The binary is build/PRESET/lrutorture.
  auto beside = (self.parent_path() / "../../configs").lexically_normal();
  if (!error && HasTeardown(beside)) return FromHere(beside);
#ifdef LRUTORTURE_SOURCE_DIR
  std::filesystem::path source = LRUTORTURE_SOURCE_DIR "/configs";
  if (HasTeardown(source)) return FromHere(source);
#endif
  return HasTeardown("configs") ? "configs" : "";
}

int RunCli(const Args& args, const Cli& cli) {
  int code = kExitHarness;
  try {
    code = Dispatch(args, cli);
  } catch (const std::exception& error) {  // bad_alloc, mostly
    std::fprintf(cli.err, "lrutorture: the harness failed: %s\n", error.what());
  }
  // A full disk must not look like an empty answer; but a verdict stays.
  bool written = std::fflush(cli.out) == 0 && std::ferror(cli.out) == 0;
  if (!written && code == kExitPass) {
    std::fprintf(cli.err, "lrutorture: cannot write the output: %s\n",
                 std::strerror(errno));
    if (args[0] != "run") code = kExitHarness;
  }
  return code;
}

namespace {

// Without this, what comes of broken memory would be another thing at each
// replay. Nothing relies on it: where it is refused, addresses stay random. A
// debugger has asked for the same, and then there is nothing to do. Who called
// the loader by name (AT_BASE is 0) is it, and /proc/self/exe says so.
void FixAddresses(char** argv) {
  constexpr unsigned long kAsk = 0xffffffff;
  auto fixed = [] { return (personality(kAsk) & ADDR_NO_RANDOMIZE) != 0; };
  if (fixed() || getauxval(AT_SECURE) || !getauxval(AT_BASE)) return;
  if (personality(static_cast<unsigned long>(personality(kAsk)) |
                  ADDR_NO_RANDOMIZE) < 0 ||
      !fixed()) {
    return;
  }
  std::error_code error;
  auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) execv(self.c_str(), argv);
}

}  // namespace

int Main(int argc, char** argv, Workload& workload) {
  if (argc > 1 && (!strcmp(argv[1], "run") || !strcmp(argv[1], "replay"))) {
    FixAddresses(argv);
  }
  Cli cli{workload};
  return RunCli(Args(argv + (argc > 0), argv + argc), cli);
}

}  // namespace harness
