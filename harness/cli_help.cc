#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "harness/cli.h"

namespace harness {
namespace {

constexpr char kExitCodes[] =
    "Exit codes:\n"
    "  0    PASS: nothing found, and the run did enough to say so\n"
    "  1    FINDING: an invariant, sanitizer, deadlock, stall, crash or kill\n"
    "  2    wrong arguments or config; nothing was started\n"
    "  3    INCONCLUSIVE: nothing found, but `require` was not met, or Ctrl-C\n"
    "  4    the harness itself failed\n"
    "  130  a second Ctrl-C\n";

OptionSpec Set() {
  return {"--set", "/POINTER=VALUE",
          "change one value of the config; VALUE is JSON or a bare\n"
          "word, `-` appends to an array; may be repeated",
          true};
}

CommandSpec RunSpec() {
  return {
      "run",
      "[CONFIG|SUITE.list]",
      0,
      1,
      "torture a list_lru as a config says",
      "Without CONFIG, runs configs/teardown.json; with --busted X and no\n"
      "CONFIG, the control's own config. --busted none runs a control's "
      "config\n"
      "without its bug. What is given here wins over --set, that over the "
      "file.\n"
      "\n"
      "A suite is a text file: a config per line, relative to the suite, and\n"
      "after it options of `run` that shape the config; `#` starts a comment.\n"
      "Everything is checked before the first run starts; runs go on after a\n"
      "finding; the worst exit code wins (4, 1, 130, 3, 0).\n"
      "\n"
      "In stress the seed replays the plan (what is delayed where), not the\n"
      "schedule of the threads; in explore it replays both.\n",
      "  lrutorture run\n"
      "  lrutorture run configs/teardown.json --seed 7 --duration 1m\n"
      "  lrutorture run --busted NAME            (see: lrutorture list "
      "busted)\n"
      "  lrutorture run --set /topology/nids=4 --set /faults/0/one_in=10\n"
      "  lrutorture run configs/smoke.list --shard 1/3 --out out/nightly\n",
      {{"--seed", "N", "seed of the plan, 0..2^63-1; default: drawn, printed"},
       {"--seeds", "A..B", "a run for each seed, A and B included"},
       {"--duration", "T", "how long the actors run: 500ms, 1.5s, 2m, 1h, 7d"},
       {"--lru", "L", "the subject (lrutorture list lrus)"},
       {"--busted", "B", "a control, or none (lrutorture list busted)"},
       {"--engine", "E",
        "stress: real threads; explore: fibers, the seed is the\nschedule"},
       {"--schedules", "N",
        "so many, of all shards, instead of a duration (explore)"},
       {"--strategy", "S",
        "how schedules are chosen (lrutorture list strategies)"},
       Set(),
       {"--out", "DIR",
        "directory of report.json; default out/NAME-SEED, an\n"
        "existing one gets -2, -3, ..; of several runs each gets\n"
        "one of its own in DIR"},
       {"--shard", "I/N",
        "of several runs, only every N-th from the I-th on; of a\n"
        "single one of explore, of its schedules"},
       {"--json", "", "stdout is the report and nothing else"},
       {"--quiet", "", "stdout is the verdict and the report's path"},
       {"--strict", "", "a known finding of a kernel's own lru is a finding"},
       {"--no-fork", "",
        "one process, for debuggers; without the other one there\n"
        "is no watchdog (stress finds no deadlock and no stall),\n"
        "no report of a crash or a kill, no stack of any task\n"
        "but who noticed (stress), no second run of what explore\n"
        "has found, no sanitizer.log, no live line"}}};
}

CommandSpec ReplaySpec() {
  return {
      "replay",
      "REPORT.json",
      1,
      1,
      "run what a report has found again",
      "A finding of explore: the identical schedule, in whatever build this\n"
      "is. Who edits `schedule` in the report runs another one, and is told "
      "so:\n"
      "exit 4, as always when the course is not the report's up to the "
      "finding.\n"
      "\n"
      "A finding of stress: its plan, with its seed, N times. Prints how many "
      "of\n"
      "the runs came to the same (k of n) and where the true share lies.\n"
      "\n"
      "Exit 1 when a run found something, 0 when none did, 2 when this report\n"
      "cannot be run here: its config is not valid, or makes another plan.\n",
      "  lrutorture replay out/teardown-7/report.json\n"
      "  lrutorture replay report.json --runs 100\n"
      "  lrutorture replay report.json --engine explore\n",
      {{"--runs", "N", "so often; default 1 in explore, 10 in stress"},
       {"--engine", "E", "explore: what stress has found is explored instead"},
       {"--out", "DIR",
        "of the reports; default out/replay-NAME-SEED, an existing\n"
        "one gets -2, -3, ..; each run of a plan has its own in DIR"},
       {"--json", "", "stdout is one object, and nothing else"},
       {"--quiet", "", "stdout is one line, k of n"}}};
}

CommandSpec Check() {
  return {"check",
          "CONFIG|SUITE.list",
          1,
          1,
          "validate a config or a suite, run nothing",
          "Prints every error with its JSON pointer, and warnings for what is\n"
          "allowed but can have no effect. Prints ok when there is no error.\n",
          "  lrutorture check configs/teardown.json\n"
          "  lrutorture check my.json --set /lru=node-lock\n",
          {Set()}};
}

CommandSpec Show() {
  return {"show",
          "REPORT.json",
          1,
          1,
          "render a report",
          "",
          "  lrutorture show out/teardown-7/report.json\n"
          "  lrutorture show report.json --format text -o report.txt\n",
          {{"--format", "F", "text (the default)"},
           {"--output", "FILE", "where to; - is stdout, the default", false,
            "-o"}}};
}

CommandSpec Explain() {
  return {
      "explain",
      "NAME",
      1,
      1,
      "what a name means, with an example",
      "NAME is an invariant, a fault point, an actor, a control, an lru, a\n"
      "near miss, a strategy, or an operation of window coverage.\n",
      "  lrutorture explain kmemcg_ids_changed\n"
      "  lrutorture explain empty_after_reparent\n",
      {}};
}

CommandSpec List() {
  return {"list",
          "points|lrus|busted|actors|invariants|strategies|suppressions|"
          "configs",
          1,
          1,
          "what can be named in a config",
          "With --lru, points come in that lru's order of teardown, with the\n"
          "grace periods it requires, and without those it never reaches.\n"
          "Implicit points lie before each operation of lru/sync/, and after\n"
          "it with `:done` at their end; those of a plug-in are looked for by\n"
          "running it for a second.\n",
          "  lrutorture list points --lru node-lock\n"
          "  lrutorture list points --lru node-lock --implicit\n"
          "  lrutorture list busted --json\n",
          {{"--lru", "L", "points: those of this lru, stages first"},
           {"--implicit", "", "points: OUTER/FUNCTION>OP, those of --lru"},
           {"--json", "", "an array of objects with `name`"}}};
}

CommandSpec Schema() {
  return {"schema",
          "config|report",
          1,
          1,
          "print a JSON Schema (2020-12)",
          "",
          "  lrutorture schema config > config.schema.json\n",
          {}};
}

std::string OptionLines(const OptionSpec& option) {
  std::string head = option.name;
  if (!option.short_name.empty()) {
    head = absl::StrCat(option.short_name, ", ", head);
  }
  if (!option.argument.empty()) absl::StrAppend(&head, " ", option.argument);
  std::string lines = absl::StrFormat("  %-22s ", head);
  for (char c : option.doc) {
    lines += c;
    if (c == '\n') lines.append(25, ' ');
  }
  return lines + "\n";
}

}  // namespace

const std::vector<CommandSpec>& Commands() {
  static const auto* commands = new std::vector<CommandSpec>{
      RunSpec(), Check(), ReplaySpec(), Show(), Explain(), List(), Schema()};
  return *commands;
}

const CommandSpec& CommandNamed(const std::string& name) {
  return *std::find_if(
      Commands().begin(), Commands().end(),
      [&](const CommandSpec& command) { return command.name == name; });
}

std::string GeneralHelp() {
  std::string text =
      "lrutorture: is this list_lru safe while memory cgroups are torn down "
      "under it?\n\nUsage:\n";
  for (const CommandSpec& command : Commands()) {
    absl::StrAppend(&text, "  lrutorture ", command.name, " ", command.usage,
                    command.options.empty() ? "" : " [OPTION]...", "\n      ",
                    command.summary, "\n");
  }
  absl::StrAppend(&text,
                  "  lrutorture help [COMMAND]\n"
                  "      this text, or a command's options\n"
                  "  lrutorture --version\n\n"
                  "Examples:\n"
                  "  lrutorture run\n"
                  "      10 seconds of configs/teardown.json\n"
                  "  lrutorture run --busted NAME\n"
                  "      prove that the harness can fail\n\n",
                  kExitCodes);
  return text;
}

std::string CommandHelp(const CommandSpec& command) {
  std::string text =
      absl::StrCat("lrutorture ", command.name, ": ", command.summary,
                   "\n\nUsage: lrutorture ", command.name, " ", command.usage);
  if (!command.options.empty()) absl::StrAppend(&text, " [OPTION]...");
  absl::StrAppend(&text, "\n\n");
  if (!command.about.empty()) absl::StrAppend(&text, command.about, "\n");
  absl::StrAppend(&text, "Options:\n");
  for (const OptionSpec& option : command.options) {
    absl::StrAppend(&text, OptionLines(option));
  }
  absl::StrAppend(&text, OptionLines({"--help", "", "this text"}),
                  "\nExamples:\n", command.examples, "\n", kExitCodes);
  return text;
}

}  // namespace harness
