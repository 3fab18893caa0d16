#include "harness/cli_options.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "harness/config.h"
#include "harness/json_input.h"

namespace harness {
namespace {

constexpr uint64_t kSeedMax = std::numeric_limits<int64_t>::max();

class Parser {
 public:
  Parser(const CommandSpec& command, const std::vector<std::string>& args)
      : command_(command), args_(args) {}

  Arguments Parse() {
    while (next_ < args_.size()) {
      const std::string& arg = args_[next_++];
      if (options_ended_ || arg.size() < 2 || arg[0] != '-') {
        out_.positionals.push_back(arg);
      } else if (arg == "--") {
        options_ended_ = true;
      } else {
        Option(arg);
      }
    }
    if (!out_.help) CheckPositionals();
    return std::move(out_);
  }

 private:
  void Error(const std::string& line) { out_.errors.push_back(line); }

  void Option(const std::string& arg) {
    size_t equals = arg.find('=');
    std::string name = arg.substr(0, equals);
    if (name == "--help" || name == "-h") {
      out_.help = true;
      return;
    }
    const OptionSpec* spec = Find(name);
    if (spec == nullptr) {
      Unknown(name);
    } else if (spec->argument.empty()) {
      Store(*spec, "", equals != arg.npos, "takes no value");
    } else if (equals != arg.npos) {
      Store(*spec, arg.substr(equals + 1), false, "");
    } else if (next_ < args_.size()) {
      Store(*spec, args_[next_++], false, "");
    } else {
      Error(absl::StrCat(name, ": needs a value, ", spec->argument));
    }
  }

  void Store(const OptionSpec& spec, const std::string& value, bool wrong,
             const char* why) {
    if (wrong) {
      Error(absl::StrCat(spec.name, ": ", why));
    } else if (!spec.repeatable && out_.Has(spec.name)) {
      Error(absl::StrCat(spec.name, ": given twice"));
    } else {
      out_.options.emplace_back(spec.name, value);
    }
  }

  const OptionSpec* Find(const std::string& name) const {
    for (const OptionSpec& spec : command_.options) {
      if (name == spec.name || name == spec.short_name) return &spec;
    }
    return nullptr;
  }

  void Unknown(const std::string& name) {
    std::vector<std::string> names = {"--help"};
    for (const OptionSpec& spec : command_.options) names.push_back(spec.name);
    std::string hint = DidYouMean(name, names);
    if (hint.empty()) {
      hint = absl::StrCat(" (see lrutorture help ", command_.name, ")");
    }
    Error(absl::StrCat(Printable(name), ": unknown option of '", command_.name,
                       "'", hint));
  }

  void CheckPositionals() {
    size_t count = out_.positionals.size();
    if (count < command_.positionals_min) {
      Error(absl::StrCat(command_.name, ": needs ", command_.usage));
    }
    for (size_t i = command_.positionals_max; i < count; ++i) {
      Error(absl::StrCat(command_.name, ": unexpected argument '",
                         Printable(out_.positionals[i]), "'"));
    }
  }

  const CommandSpec& command_;
  const std::vector<std::string>& args_;
  size_t next_ = 0;
  bool options_ended_ = false;
  Arguments out_;
};

absl::Status Wrong(const std::string& text, const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("'", Printable(text), "' ", what));
}

bool AllDigits(const std::string& text) {
  return !text.empty() &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

// What the digits behind a decimal point are of a unit of so many ms, where
// that is a whole number.
std::optional<uint64_t> FractionMs(std::string digits, uint64_t unit_ms) {
  // No unit has more than ten factors 2: beyond, nothing comes out even.
  constexpr size_t kDigitsMax = 10;
  digits.resize(digits.find_last_not_of('0') + 1);
  if (digits.size() > kDigitsMax) return std::nullopt;
  uint64_t scale = 1, ms = 0;
  for (char digit : digits) {
    ms = ms * 10 + static_cast<uint64_t>(digit - '0') * unit_ms;
    scale *= 10;
  }
  if (ms % scale != 0) return std::nullopt;
  return ms / scale;
}

}  // namespace

bool Arguments::Has(const std::string& option) const {
  return std::any_of(options.begin(), options.end(),
                     [&](const auto& given) { return given.first == option; });
}

std::string Arguments::Value(const std::string& option) const {
  for (const auto& [name, value] : options) {
    if (name == option) return value;
  }
  return "";
}

Arguments ParseArguments(const CommandSpec& command,
                         const std::vector<std::string>& args) {
  return Parser(command, args).Parse();
}

absl::StatusOr<uint64_t> ParseNumber(const std::string& text, uint64_t min,
                                     uint64_t max) {
  uint64_t value = 0;
  bool negative = text.size() > 1 && text[0] == '-';
  if (!AllDigits(negative ? text.substr(1) : text)) {
    return Wrong(text, "is not a number");
  }
  if (negative || !absl::SimpleAtoi(text, &value) || value < min ||
      value > max) {
    return Wrong(text, absl::StrCat("is out of range ", min, "..", max));
  }
  return value;
}

absl::StatusOr<uint64_t> ParseDurationMs(const std::string& text) {
  constexpr std::pair<const char*, uint64_t> kUnits[] = {
      {"ms", 1},       {"s", 1000},        {"m", 60'000},
      {"min", 60'000}, {"h", 60 * 60'000}, {"d", 24 * 60 * 60'000}};
  size_t unit_at = text.find_first_not_of("0123456789.");
  if (unit_at == text.npos) unit_at = text.size();
  std::string number = text.substr(0, unit_at);
  size_t dot = number.find('.');
  std::string whole = number.substr(0, dot);
  std::string fraction = dot == number.npos ? "0" : number.substr(dot + 1);
  for (const auto& [unit, ms] : kUnits) {
    if (text.compare(unit_at, text.npos, unit) != 0) continue;
    if (!AllDigits(whole) || !AllDigits(fraction)) break;
    std::optional<uint64_t> fraction_ms = FractionMs(fraction, ms);
    if (!fraction_ms) {
      return Wrong(text, "is no whole number of milliseconds");
    }
    uint64_t value = 0;
    if (!absl::SimpleAtoi(whole, &value) || value >= kSeedMax / ms) {
      return Wrong(text, "is too long");
    }
    return value * ms + *fraction_ms;
  }
  return Wrong(text, "is no duration (write 500ms, 1.5s, 2m, 1h or 7d)");
}

absl::StatusOr<SeedRange> ParseSeedRange(const std::string& text) {
  size_t dots = text.find("..");
  if (dots == text.npos) return Wrong(text, "is no range (write A..B)");
  auto first = ParseNumber(text.substr(0, dots), 0, kSeedMax);
  if (!first.ok()) return first.status();
  auto last = ParseNumber(text.substr(dots + 2), 0, kSeedMax);
  if (!last.ok()) return last.status();
  if (*first > *last) return Wrong(text, "is empty: A must not be above B");
  return SeedRange{*first, *last};
}

absl::StatusOr<Shard> ParseShard(const std::string& text) {
  constexpr uint64_t kShardsMax = 1'000'000;
  size_t slash = text.find('/');
  if (slash == text.npos) return Wrong(text, "is no shard (write I/N)");
  auto count = ParseNumber(text.substr(slash + 1), 1, kShardsMax);
  if (!count.ok()) return count.status();
  auto index = ParseNumber(text.substr(0, slash), 1, *count);
  if (!index.ok()) return index.status();
  return Shard{*index, *count};
}

std::string ShellQuote(const std::string& word) {
  bool plain = !word.empty() &&
               std::all_of(word.begin(), word.end(), [](unsigned char c) {
                 return std::isalnum(c) ||
                        std::string("_./:=,@%+-").find(c) != std::string::npos;
               });
  if (plain) return word;
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

}  // namespace harness
