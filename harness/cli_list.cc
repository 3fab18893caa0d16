#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "harness/catalog.h"
#include "harness/cli.h"
#include "harness/config_names.h"
#include "harness/json_input.h"
#include "harness/sanitizer/suppressions.h"

namespace harness {
namespace {

// Rows are objects with `name`: --json prints them as they are, people get
// `columns` of them, aligned.
struct Listing {
  std::vector<std::string> columns;
  Json rows = Json::array();
};

Json PointRow(const lru::fault_point_info& info) {
  return {{"name", info.name},
          {"path", lru::fp_path_name(info.path)},
          {"held", lru::held_name(info.holds)},
          {"kind", info.error ? "error" : "delay"},
          {"sentence", info.doc}};
}

// `stage` counts from 1; `since` is the stage it must be a grace period behind.
Json StageRow(const lru::stage_info& stage, size_t number) {
  const lru::fault_point_info& info = lru::fault_point_at(stage.fp);
  Json row = {{"name", info.name}, {"stage", std::to_string(number)}};
  row["per"] = stage.per_list ? "list" : "memcg";
  row["since"] =
      stage.after_gp
          ? absl::StrCat("RCU after ", lru::fault_point_at(stage.since).name,
                         GracePeriodUnless(stage))
          : "";
  row.update(PointRow(info));
  return row;
}

Listing Points(const LruInfo* lru) {
  Listing out;
  if (lru == nullptr) {
    out.columns = {"name", "path", "held", "kind", "sentence"};
    for (const auto& info : lru::fault_points()) {
      out.rows.push_back(PointRow(info));
    }
    return out;
  }
  out.columns = {"stage", "name", "path", "held", "kind", "since", "sentence"};
  std::set<lru::fault_point> listed;
  for (const lru::stage_info& stage : lru->stages) {
    out.rows.push_back(StageRow(stage, listed.size() + 1));
    listed.insert(stage.fp);
  }
  for (const auto& info : lru::fault_points()) {
    if (listed.count(info.fp) == 0 && lru->Has(info.fp)) {
      out.rows.push_back(PointRow(info));
    }
  }
  return out;
}

// "5 by invariant|shrinker_bit, 2 by crash|SIGSEGV"
std::string Counted(const std::vector<std::string>& causes) {
  std::map<std::string, size_t> counts;
  for (const std::string& cause : causes) counts[cause]++;
  return absl::StrJoin(counts, ", ", [](std::string* out, const auto& entry) {
    absl::StrAppend(out, entry.second, " by ", entry.first);
  });
}

void SayCutShort(const LruInfo& lru, const PassedPoints& passed,
                 const Cli& cli) {
  if (passed.cut_short.empty()) return;
  std::fprintf(cli.err,
               "%s: %zu of the %zu processes in which it was run ended early, "
               "and points may be missing: %s\n",
               lru.name.c_str(), passed.cut_short.size(), passed.processes,
               Counted(passed.cut_short).c_str());
}

// A plug-in's text is anybody's: what it passes is seen when it is run.
Listing ImplicitPoints(const LruInfo& lru, const Cli& cli) {
  Listing out{{"name"}};
  std::vector<std::string> names(lru.implicit.begin(), lru.implicit.end());
  if (lru.plugin) {
    PassedPoints passed = Catalog::Get().PassedImplicit(lru);
    SayCutShort(lru, passed, cli);
    names = std::move(passed.names);
    std::fprintf(cli.err,
                 "%s: the points it has just been seen to pass, in some "
                 "schedules of explore; a plan may name others\n",
                 lru.name.c_str());
  }
  for (const std::string& name : names) {
    ImplicitPoint point = ParseImplicit(name);
    out.rows.push_back({{"name", name},
                        {"outer", point.outer},
                        {"function", point.function},
                        {"operation", point.op}});
  }
  return out;
}

Listing Lrus() {
  Listing out{{"name", "sentence"}};
  for (const std::string& name : LruNames()) {
    std::string error = LruError(name);
    if (!error.empty())
      out.rows.push_back({{"name", name}, {"sentence", error}});
  }
  for (const LruInfo& info : Catalog::Get().lrus()) {
    out.rows.push_back({{"name", info.name}, {"sentence", info.doc}});
  }
  return out;
}

Listing Actors() {
  Listing out{{"name", "sentence"}};
  for (const ActorInfo& info : Catalog::Get().actors()) {
    out.rows.push_back({{"name", info.name}, {"sentence", info.doc}});
  }
  return out;
}

Listing Invariants() {
  Listing out{{"name", "numbers", "sentence"}};
  for (const InvariantInfo& info : Catalog::Get().invariants()) {
    out.rows.push_back({{"name", info.name},
                        {"numbers", info.numbers},
                        {"sentence", info.doc}});
  }
  return out;
}

Listing Busted() {
  Listing out{{"name", "class", "lru", "config", "sentence"}};
  for (const BustedInfo& info : Catalog::Get().busted()) {
    Json expect = Json::array();
    for (const Expectation& e : info.expect) {
      expect.push_back(
          {{"build", e.build}, {"kind", e.kind}, {"invariant", e.invariant}});
    }
    out.rows.push_back(
        {{"name", info.name},
         {"class", info.klass},
         {"lru", info.lrus.empty() ? "all" : absl::StrJoin(info.lrus, ",")},
         {"config", info.config},
         {"sentence", info.doc},
         {"expect", std::move(expect)}});
  }
  return out;
}

Listing StrategyListing() {
  Listing out{{"name", "sentence"}};
  for (const StrategyInfo& info : Strategies()) {
    out.rows.push_back({{"name", info.name},
                        {"example", info.example},
                        {"sentence", info.doc}});
  }
  return out;
}

Listing SuppressionListing() {
  Listing out{{"name", "tool", "pattern", "cause"}};
  for (const Suppression& s : Suppressions()) {
    out.rows.push_back({{"name", s.name},
                        {"tool", s.tool},
                        {"pattern", s.pattern},
                        {"cause", s.cause},
                        {"proof", s.proof},
                        {"remove_when", s.remove_when}});
  }
  return out;
}

std::string SuiteDescription(const std::string& text) {
  bool comment = text.rfind("#", 0) == 0;
  size_t start = text.find_first_not_of("# ");
  if (!comment || start == text.npos) return "";
  return text.substr(start, text.find('\n') - start);
}

Json ConfigRow(const std::filesystem::path& file,
               const std::filesystem::path& dir) {
  std::string name = file.stem().string();
  std::string description;
  absl::StatusOr<std::string> text = ReadTextFile(file.string());
  if (text.ok() && file.extension() == ".list") {
    description = SuiteDescription(*text);
    name = file.filename().string();
  } else if (text.ok()) {
    Json config = ParseJson(*text).value;
    bool object = config.is_object();
    if (!object) description = "(not valid: see lrutorture check)";
    if (object && config.contains("name") && config["name"].is_string()) {
      name = config["name"].get<std::string>();
    }
    if (object && config.contains("description") &&
        config["description"].is_string()) {
      description = config["description"].get<std::string>();
    }
  }
  return {{"name", name},
          {"path", file.lexically_relative(dir.parent_path()).string()},
          {"description", description}};
}

Listing Configs(const Cli& cli) {
  Listing out{{"name", "path", "description"}};
  std::string dir =
      cli.configs_dir.empty() ? FindConfigsDir() : cli.configs_dir;
  std::set<std::filesystem::path> files;
  std::error_code error;
  // increment(error), not ++: a directory may vanish or be unreadable.
  std::filesystem::recursive_directory_iterator it(dir, error), end;
  while (!error && it != end) {
    auto extension = it->path().extension();
    if (extension == ".json" || extension == ".list") files.insert(it->path());
    it.increment(error);
  }
  for (const auto& file : files) out.rows.push_back(ConfigRow(file, dir));
  return out;
}

std::string TextAt(const Json& row, const std::string& column) {
  auto it = row.find(column);
  return it == row.end() ? "" : it->get<std::string>();
}

std::string Trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string Tabulated(const Listing& listing) {
  std::vector<size_t> widths;
  for (const std::string& column : listing.columns) {
    widths.push_back(column.size());
    for (const Json& row : listing.rows) {
      widths.back() = std::max(widths.back(), TextAt(row, column).size());
    }
  }
  auto line = [&](auto cell) {
    std::string text;
    for (size_t i = 0; i < listing.columns.size(); ++i) {
      std::string value = cell(listing.columns[i]);
      text += value + std::string(widths[i] - value.size() + 2, ' ');
    }
    return Trimmed(text) + "\n";
  };
  std::string text = line([](const std::string& column) { return column; });
  for (const Json& row : listing.rows) {
    text +=
        line([&](const std::string& column) { return TextAt(row, column); });
  }
  return text;
}

constexpr const char* kNouns[] = {"points",       "lrus",       "busted",
                                  "actors",       "invariants", "strategies",
                                  "suppressions", "configs"};

Listing ListingOf(const Arguments& arguments, const Cli& cli) {
  const std::string& noun = arguments.positionals[0];
  const LruInfo* lru = Catalog::Get().FindLru(arguments.Value("--lru"));
  if (arguments.Has("--implicit")) return ImplicitPoints(*lru, cli);
  if (noun == "points") return Points(lru);
  if (noun == "lrus") return Lrus();
  if (noun == "busted") return Busted();
  if (noun == "actors") return Actors();
  if (noun == "invariants") return Invariants();
  if (noun == "strategies") return StrategyListing();
  if (noun == "suppressions") return SuppressionListing();
  return Configs(cli);
}

// Empty, or the line to print.
std::string WhyNot(const Arguments& arguments) {
  const std::string& noun = arguments.positionals[0];
  std::vector<std::string> nouns(std::begin(kNouns), std::end(kNouns));
  if (std::find(nouns.begin(), nouns.end(), noun) == nouns.end()) {
    return absl::StrCat("list: unknown noun '", Printable(noun), "'",
                        WhichNames(noun, nouns));
  }
  for (const char* option : {"--lru", "--implicit"}) {
    if (noun != "points" && arguments.Has(option)) {
      return absl::StrCat(option, ": only `list points` has it");
    }
  }
  if (!arguments.Has("--lru")) {
    return arguments.Has("--implicit") ? "--implicit: needs --lru" : "";
  }
  std::string lru = arguments.Value("--lru");
  std::string error = LruError(lru);
  return error.empty() ? "" : absl::StrCat("--lru: ", error);
}

}  // namespace

const char* GracePeriodUnless(const lru::stage_info& stage) {
  bool of_id = stage.since == lru::FP_id_put;
  return of_id ? " (unless model.id_release is offline)" : "";
}

int ListCommand(const Args& args, const Cli& cli) {
  Arguments arguments;
  int code = kExitPass;
  if (!Accept("list", args, cli, arguments, code)) return code;
  std::string why = WhyNot(arguments);
  if (!why.empty()) return UsageError(cli, why);
  Listing listing = ListingOf(arguments, cli);
  std::string text = arguments.Has("--json") ? listing.rows.dump(2) + "\n"
                                             : Tabulated(listing);
  std::fputs(text.c_str(), cli.out);
  return kExitPass;
}

}  // namespace harness
