#include "harness/config_names.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "harness/flight_recorder.h"
#include "harness/json_input.h"

namespace harness {
namespace {

// Insertions, deletions, substitutions and swaps of neighbours, each 1; upper
// and lower case, '-' and '_' count as equal.
size_t EditDistance(std::string_view a, std::string_view b) {
  auto fold = [](char c) {
    return c == '-' ? '_' : std::tolower(static_cast<unsigned char>(c));
  };
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1),
      row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      bool same = fold(a[i - 1]) == fold(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + !same});
      if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
          fold(a[i - 2]) == fold(b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

constexpr size_t kNamesShown = 24;  // longer lists are `list NOUN`'s business

// Farther away than this, a suggestion is a guess.
size_t Tolerance(size_t length) {
  if (length <= 3) return 1;
  return std::max<size_t>(2, length / 3);
}

// What is cut short, however much is missing. Empty: none, or several.
std::string OnlyOneThatStartsWith(std::string_view wrong,
                                  const std::vector<std::string>& names) {
  auto starts = [&](const std::string& name) {
    return wrong.size() >= 3 && name.compare(0, wrong.size(), wrong) == 0;
  };
  auto it = std::find_if(names.begin(), names.end(), starts);
  bool only = it != names.end() && std::none_of(it + 1, names.end(), starts);
  return only ? *it : "";
}

bool IsIdentifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c == '_' || std::isalnum(static_cast<unsigned char>(c));
  });
}

template <class Infos>
std::vector<std::string> NamesOfInfos(const Infos& infos) {
  std::vector<std::string> names;
  for (const auto& info : infos) names.push_back(info.name);
  return names;
}

}  // namespace

std::string Nearest(std::string_view wrong,
                    const std::vector<std::string>& names) {
  if (wrong.size() > 80) return "";
  std::string longer = OnlyOneThatStartsWith(wrong, names);
  if (!longer.empty()) return longer;
  size_t best = Tolerance(wrong.size()) + 1;
  std::string nearest;
  for (const std::string& name : names) {
    size_t distance = EditDistance(wrong, name);
    if (distance < best) {
      best = distance;
      nearest = name;
    }
  }
  return nearest;
}

std::string DidYouMean(std::string_view wrong,
                       const std::vector<std::string>& names) {
  std::string nearest = Nearest(wrong, names);
  return nearest.empty() ? "" : " (did you mean '" + nearest + "'?)";
}

std::string WhichNames(std::string_view wrong,
                       const std::vector<std::string>& names) {
  std::string hint = DidYouMean(wrong, names);
  if (!hint.empty() || names.size() > kNamesShown) return hint;
  return absl::StrCat(" (one of: ", absl::StrJoin(names, ", "), ")");
}

std::vector<std::string> FaultPointNames() {
  std::vector<std::string> names;
  for (const lru::fault_point_info& info : lru::fault_points()) {
    names.push_back(info.name);
  }
  return names;
}

std::vector<std::string> SyncOpNames() {
#define X(name) #name,
  return {LRU_SYNC_OPS(X)};
#undef X
}

std::vector<std::string> ActorNames() {
  return NamesOfInfos(Catalog::Get().actors());
}

std::vector<std::string> TaskTypeNames() {
  std::vector<std::string> names = ActorNames();
  names.insert(names.end(), std::begin(kWorkers), std::end(kWorkers));
  return names;
}

std::vector<std::string> LruNames() {
  std::vector<std::string> names = NamesOfInfos(Catalog::Get().lrus());
  for (std::string& name : Catalog::Get().LoadableLrus()) {
    if (Catalog::Get().FindLru(name) == nullptr) names.push_back(name);
  }
  return names;
}

std::vector<std::string> BustedNames() {
  std::vector<std::string> names = NamesOfInfos(Catalog::Get().busted());
  names.insert(names.begin(), "none");
  return names;
}

std::vector<std::string> OperationNames() {
  std::vector<std::string> names;
#define X(name) \
  if (Verb::k_##name < Verb::k_work) names.push_back(#name);
  LRUTORTURE_VERBS(X)
#undef X
  return names;
}

std::vector<std::string> WindowOperationNames() {
  std::set<std::string> names;
  for (const LruInfo& lru : Catalog::Get().lrus()) {
    for (const lru::operation_info& op : lru.operations) names.insert(op.name);
  }
  return {names.begin(), names.end()};
}

std::span<const StrategyInfo> Strategies() {
  static constexpr StrategyInfo kInfos[] = {
      {"portfolio", "portfolio",
       "of four schedules two are random, one pct:2, one pct:3: none of them "
       "finds every bug soon; engine explore only"},
      {"random", "random",
       "each schedule draws for how many choices a task goes on, 1 to 32 on "
       "average; then any that can run is as likely as the others; engine "
       "explore only"},
      {"pct:D", "pct:3",
       "priorities with D - 1 random changes: finds a bug of depth D, among n "
       "tasks and k choices, with a probability of at least 1/(n k^(D-1)) "
       "(Burckhardt et al., 2010), D in 1..9; engine explore only"},
      {"dfs:P", "dfs:2",
       "every schedule with at most P preemptions, each once, P in 0..9; to "
       "leave a task that blocks or spins is none: exhaustive when small; "
       "engine explore only"},
  };
  return kInfos;
}

std::vector<std::string> StrategyNames() {
  std::vector<std::string> names = {"portfolio", "random"};
  for (int n = 0; n < 10; n++) {
    if (n > 0) names.push_back(absl::StrCat("pct:", n));
    names.push_back(absl::StrCat("dfs:", n));
  }
  return names;
}

bool LooksImplicit(std::string_view text) {
  return text.find_first_of("/>") != text.npos;
}

ImplicitPoint ParseImplicit(std::string_view text) {
  constexpr std::string_view kDone = ":done";
  ImplicitPoint point;
  size_t slash = text.find('/');
  size_t angle = text.find('>');
  if (slash != text.npos && angle != text.npos && slash < angle) {
    point.outer = std::string(text.substr(0, slash));
    point.function = std::string(text.substr(slash + 1, angle - slash - 1));
  }
  if ((!IsIdentifier(point.outer) && point.outer != lru::kNoOuter) ||
      !IsIdentifier(point.function)) {
    point.error = "'" + Printable(text, 120) +
                  "' is no implicit point: write OUTER/FUNCTION>OP or "
                  "OUTER/FUNCTION>OP:done";
    return point;
  }
  std::string_view op = text.substr(angle + 1);
  if (op.size() >= kDone.size() &&
      op.substr(op.size() - kDone.size()) == kDone) {
    point.done = true;
    op.remove_suffix(kDone.size());
  }
  point.op = std::string(op);
  std::vector<std::string> ops = SyncOpNames();
  if (std::find(ops.begin(), ops.end(), point.op) == ops.end()) {
    point.error = "unknown operation '" + Printable(op) + "' after '>'" +
                  WhichNames(op, ops);
  }
  return point;
}

lru::held ImplicitHolds(const ImplicitPoint& point) {
  const std::string& op = point.op;
  // A trylock may have failed: not certain.
  if (op == "spin_lock" || op == "spin_lock_irq") {
    return point.done ? lru::held::SPIN : lru::held::NOTHING;
  }
  if (op == "spin_unlock" || op == "spin_unlock_irq") {
    return point.done ? lru::held::NOTHING : lru::held::SPIN;
  }
  if (op == "rcu_read_lock") {
    return point.done ? lru::held::RCU : lru::held::NOTHING;
  }
  if (op == "rcu_read_unlock") {
    return point.done ? lru::held::NOTHING : lru::held::RCU;
  }
  return lru::held::NOTHING;
}

}  // namespace harness
