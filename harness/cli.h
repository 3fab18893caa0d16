// The command line: what Main() is made of. Every command is a function of its
// arguments; what it prints goes to `out`, errors go to `err`, a line each.
#ifndef LRUTORTURE_HARNESS_CLI_H_
#define LRUTORTURE_HARNESS_CLI_H_

#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "harness/cli_options.h"
#include "harness/supervisor.h"
#include "lru/fault_points.h"
#include "nlohmann/json_fwd.hpp"

namespace harness {

using Runner = int (*)(const Config& config, uint64_t seed,
                       const RunOptions& options, Workload& workload);

struct Cli {
  Workload& workload;
  Runner run = RunOnce;  // tests put their own here
  std::FILE* out = stdout;
  std::FILE* err = stderr;
  std::string configs_dir = {};  // empty: looked for, see FindConfigsDir
};

using Args = std::vector<std::string>;

// `args` without the program's name. Returns the exit code.
int RunCli(const Args& args, const Cli& cli);

// The commands; `args` without the command's name.
int RunCommand(const Args& args, const Cli& cli);
int CheckCommand(const Args& args, const Cli& cli);
int ExplainCommand(const Args& args, const Cli& cli);
int ReplayCommand(const Args& args, const Cli& cli);
int ShowCommand(const Args& args, const Cli& cli);
int ListCommand(const Args& args, const Cli& cli);
int SchemaCommand(const Args& args, const Cli& cli);

const std::vector<CommandSpec>& Commands();
const CommandSpec& CommandNamed(const std::string& name);
std::string GeneralHelp();
std::string CommandHelp(const CommandSpec& command);

// Parses and deals with what all commands share. True when the command may go
// on; else `exit_code` is the answer: --help, or wrong arguments.
bool Accept(const std::string& command, const Args& args, const Cli& cli,
            Arguments& parsed, int& exit_code);

// Enough is checked to tell a report from any other JSON. The message is one
// line and names the path.
absl::StatusOr<nlohmann::ordered_json> ReadReport(const std::string& path);

// One line on stderr; returns kExitUsage.
int UsageError(const Cli& cli, const std::string& line);

// What a sentence on the grace period before that stage must add; "" mostly.
const char* GracePeriodUnless(const lru::stage_info& stage);

// Where the shipped configs are: in the source tree that this program was
// built from, or in the current directory. Empty: nowhere.
std::string FindConfigsDir();

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_CLI_H_
