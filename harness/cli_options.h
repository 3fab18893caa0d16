// Arguments by one table per command. Not getopt_long: it accepts abbreviated
// options, which would change their meaning with the next option we add, keeps
// its state in globals (a suite's lines are parsed, too), and suggests nothing.
#ifndef LRUTORTURE_HARNESS_CLI_OPTIONS_H_
#define LRUTORTURE_HARNESS_CLI_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace harness {

struct OptionSpec {
  std::string name;      // "--seed"
  std::string argument;  // "N"; empty: it takes none
  std::string doc;
  bool repeatable = false;
  std::string short_name = {};  // "-o"; only exactly so: `-o FILE`
};

struct CommandSpec {
  std::string name;
  std::string usage;  // positional arguments: "[CONFIG|SUITE.list]"
  size_t positionals_min = 0;
  size_t positionals_max = 0;
  std::string summary;  // one line
  std::string about;    // paragraphs
  std::string examples;
  std::vector<OptionSpec> options;
};

struct Arguments {
  bool help = false;
  std::vector<std::string> positionals;
  std::vector<std::pair<std::string, std::string>> options;  // as given
  std::vector<std::string> errors;                           // all at once

  bool Has(const std::string& option) const;
  // The value of an option that may be given once; empty when it is not.
  std::string Value(const std::string& option) const;
};
Arguments ParseArguments(const CommandSpec& command,
                         const std::vector<std::string>& args);

// Values. The message says what is wrong, without the option's name.
absl::StatusOr<uint64_t> ParseNumber(const std::string& text, uint64_t min,
                                     uint64_t max);
// "500ms", "1.5s", "2m", "1h", "7d", in ms: a whole number of them.
absl::StatusOr<uint64_t> ParseDurationMs(const std::string& text);
// "A..B", both included, A <= B.
struct SeedRange {
  uint64_t first = 0;
  uint64_t last = 0;
};
absl::StatusOr<SeedRange> ParseSeedRange(const std::string& text);
// "I/N", 1 <= I <= N.
struct Shard {
  uint64_t index = 1;
  uint64_t count = 1;
};
absl::StatusOr<Shard> ParseShard(const std::string& text);

// One word of a shell's command line.
std::string ShellQuote(const std::string& word);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_CLI_OPTIONS_H_
