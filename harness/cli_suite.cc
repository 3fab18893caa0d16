#include "harness/cli_suite.h"

#include <cctype>
#include <filesystem>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "harness/json_input.h"

namespace harness {
namespace {

bool IsSuite(const std::string& path) {
  return std::filesystem::path(path).extension() == ".list";
}

// The file that a request without one means. Empty: said in `errors`.
std::string DefaultConfig(const RunRequest& request, const Cli& cli,
                          Args& errors) {
  std::string dir =
      cli.configs_dir.empty() ? FindConfigsDir() : cli.configs_dir;
  if (dir.empty()) {
    errors.push_back("run: no configs/teardown.json found; name a CONFIG");
    return "";
  }
  const BustedInfo* busted = nullptr;
  if (request.busted) busted = Catalog::Get().FindBusted(*request.busted);
  bool own = busted != nullptr && !busted->config.empty();
  return absl::StrCat(dir, "/", own ? busted->config : "teardown.json");
}

// The file's name, as far as it may be a config's.
std::string NameFrom(const std::string& path) {
  std::string name = std::filesystem::path(path).stem().string().substr(0, 64);
  for (char& c : name) {
    bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '.' ||
                 c == '_' || c == '-';
    if (!plain) c = '_';
  }
  bool good =
      !name.empty() && std::isalnum(static_cast<unsigned char>(name.front()));
  return good ? name : Config{}.name;
}

// Reads one config. `origin` is "" or "SUITE:LINE: ".
void LoadConfig(const std::string& path, const RunRequest& request,
                const std::string& origin, Plans& plans) {
  absl::StatusOr<std::string> text = ReadTextFile(path);
  if (!text.ok()) {
    plans.errors.push_back(origin + std::string(text.status().message()));
    return;
  }
  ParsedConfig parsed = ParseConfig(*text, request.overrides);
  for (const std::string& error : parsed.errors) {
    // No pointer but a line of the file: then the file's name helps.
    bool syntax = std::isdigit(static_cast<unsigned char>(error[0]));
    plans.errors.push_back(
        absl::StrCat(origin, syntax ? path + ":" : "", error));
  }
  for (const std::string& warning : parsed.warnings) {
    plans.warnings.push_back(absl::StrCat("warning: ", origin, warning));
  }
  if (!parsed.errors.empty()) return;
  PlannedRun run;
  run.config = std::move(parsed.config);
  if (!request.explore_only.empty() && run.config.engine != kExplore) {
    plans.errors.push_back(absl::StrCat(origin, request.explore_only,
                                        ": only with --engine explore; ", path,
                                        " runs in ", run.config.engine));
  }
  if (run.config.name == Config{}.name) run.config.name = NameFrom(path);
  run.config_path = path;
  run.options = request.options;
  run.seeds = request.seeds;
  plans.runs.push_back(std::move(run));
}

// The line's options, and those of the command line on top.
RunRequest Merge(RunRequest line, const RunRequest& given) {
  if (given.seeds) line.seeds = given.seeds;
  line.overrides.insert(line.overrides.end(), given.overrides.begin(),
                        given.overrides.end());
  if (!line.options.empty() && !given.options.empty()) line.options += " ";
  line.options += given.options;
  return line;
}

// Options that shape the config belong to a line; the others to the whole.
void RefuseGlobalOptions(const Arguments& arguments, Args& errors) {
  for (const char* name :
       {"--out", "--shard", "--json", "--quiet", "--no-fork", "--help"}) {
    bool given =
        name == std::string("--help") ? arguments.help : arguments.Has(name);
    if (given) {
      errors.push_back(absl::StrCat(
          name, ": belongs to the command line, not to a suite's line"));
    }
  }
}

std::vector<std::string> Words(absl::string_view line) {
  std::vector<std::string> words;
  for (absl::string_view word :
       absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty())) {
    if (word[0] == '#') break;
    words.emplace_back(word);
  }
  return words;
}

void LoadLine(const Args& words, const std::string& suite,
              const std::string& origin, const RunRequest& given,
              Plans& plans) {
  Args errors;
  Arguments arguments = ParseArguments(CommandNamed("run"), words);
  errors = arguments.errors;
  RunRequest line = ReadRequest(arguments, errors);
  RefuseGlobalOptions(arguments, errors);
  if (arguments.positionals.empty()) {
    errors.push_back("a line starts with a config");
  } else if (IsSuite(line.config)) {
    errors.push_back("a suite cannot contain a suite");
  }
  for (const std::string& error : errors) {
    plans.errors.push_back(origin + error);
  }
  if (!errors.empty()) return;
  std::string path = (std::filesystem::path(suite).parent_path() / line.config)
                         .lexically_normal()
                         .string();
  LoadConfig(path, Merge(line, given), origin, plans);
}

void LoadSuite(const std::string& suite, const RunRequest& given,
               Plans& plans) {
  absl::StatusOr<std::string> text = ReadTextFile(suite);
  if (!text.ok()) {
    plans.errors.push_back(std::string(text.status().message()));
    return;
  }
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    Args words = Words(line);
    if (words.empty()) continue;
    LoadLine(words, suite, absl::StrCat(suite, ":", number, ": "), given,
             plans);
  }
  if (plans.runs.empty() && plans.errors.empty()) {
    plans.errors.push_back(suite + ": names no config");
  }
}

// A value or, when there is none, a line in `errors`.
template <class T>
std::optional<T> Value(const std::string& option,
                       const absl::StatusOr<T>& value, Args& errors) {
  if (value.ok()) return *value;
  errors.push_back(absl::StrCat(option, ": ", value.status().message()));
  return std::nullopt;
}

void ReadSet(const std::string& value, RunRequest& request, Args& errors) {
  size_t equals = value.find('=');
  if (equals == value.npos) {
    errors.push_back(
        absl::StrCat("--set: '", Printable(value), "' is not /POINTER=VALUE"));
    return;
  }
  request.overrides.emplace_back(value.substr(0, equals),
                                 value.substr(equals + 1));
}

void ReadSeeds(const std::string& option, const std::string& value,
               RunRequest& request, Args& errors) {
  if (request.seeds) {
    errors.push_back("--seeds: --seed is given, too");
    return;
  }
  if (option == "--seeds") {
    request.seeds = Value(option, ParseSeedRange(value), errors);
    return;
  }
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  auto seed = Value(option, ParseNumber(value, 0, kMax), errors);
  if (seed) request.seeds = SeedRange{*seed, *seed};
}

// The named options that stand for one key of the config.
void ReadNamed(const std::string& option, const std::string& value,
               RunRequest& request, Args& errors) {
  std::string json =
      Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
  if (option == "--duration") {
    auto ms = Value(option, ParseDurationMs(value), errors);
    if (!ms) return;
    request.overrides.emplace_back("/duration_ms", std::to_string(*ms));
  } else if (option == "--schedules" || option == "--strategy") {
    request.explore_only = option;
    request.overrides.emplace_back("/explore/" + option.substr(2),
                                   option == "--schedules" ? value : json);
  } else {
    request.overrides.emplace_back("/" + option.substr(2), json);
  }
  if (option == "--busted") request.busted = value;
}

bool ShapesConfig(const std::string& option) {
  return option == "--duration" || option == "--lru" || option == "--busted" ||
         option == "--engine" || option == "--schedules" ||
         option == "--strategy";
}

}  // namespace

RunRequest ReadRequest(const Arguments& arguments, Args& errors) {
  RunRequest request;
  if (!arguments.positionals.empty()) request.config = arguments.positionals[0];
  for (const auto& [option, value] : arguments.options) {
    if (option == "--set") ReadSet(value, request, errors);
  }
  for (const auto& [option, value] : arguments.options) {
    if (ShapesConfig(option)) ReadNamed(option, value, request, errors);
    if (ShapesConfig(option) || option == "--set") {
      absl::StrAppend(&request.options, request.options.empty() ? "" : " ",
                      option, " ", ShellQuote(value));
    }
    if (option == "--seed" || option == "--seeds") {
      ReadSeeds(option, value, request, errors);
    } else if (option == "--shard") {
      request.shard = Value(option, ParseShard(value), errors);
    } else if (option == "--out") {
      request.out = value;
      if (value.empty()) errors.push_back("--out: is empty");
    }
  }
  request.json = arguments.Has("--json");
  request.quiet = arguments.Has("--quiet");
  request.strict = arguments.Has("--strict");
  request.fork = !arguments.Has("--no-fork");
  return request;
}

Plans LoadPlans(const RunRequest& request, const Cli& cli) {
  Plans plans;
  std::string path = request.config;
  if (path.empty()) path = DefaultConfig(request, cli, plans.errors);
  if (!plans.errors.empty()) return plans;
  if (IsSuite(path)) {
    LoadSuite(path, request, plans);
  } else {
    LoadConfig(path, request, "", plans);
  }
  return plans;
}

std::vector<PlannedRun> ExpandSeeds(std::vector<PlannedRun> runs,
                                    uint64_t (*draw)(), Args& errors) {
  std::vector<PlannedRun> expanded;
  for (PlannedRun& run : runs) {
    SeedRange seeds;
    if (run.seeds) {
      seeds = *run.seeds;
    } else {
      seeds.first = run.config.seed ? *run.config.seed : draw();
      seeds.last = seeds.first;
    }
    if (seeds.last - seeds.first >= kRunsMax - expanded.size()) {
      errors.push_back(
          absl::StrCat("--seeds: more than ", kRunsMax, " runs in all"));
      return expanded;
    }
    for (uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
      expanded.push_back(run);
      expanded.back().seed = seed;
      expanded.back().config.seed = seed;
    }
  }
  return expanded;
}

}  // namespace harness
