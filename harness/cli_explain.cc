#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "harness/catalog.h"
#include "harness/cli.h"
#include "harness/config_names.h"
#include "harness/json_input.h"
#include "harness/near_miss.h"
#include "harness/text.h"

namespace harness {
namespace {

std::string Paragraph(const std::string& text) { return Wrapped(text) + "\n"; }

// A name of the code at its beginning stays as it is spelled.
std::string Sentence(std::string text) {
  if (text.empty()) return text;
  std::string first = text.substr(0, text.find(' '));
  if (first.find_first_of("_(:") == first.npos) {
    text[0] = absl::ascii_toupper(static_cast<unsigned char>(text[0]));
  }
  if (text.back() != '.') text += '.';
  return text;
}

std::string Head(const char* noun, const std::string& name,
                 const std::string& doc) {
  return absl::StrCat(noun, " ", name, "\n\n", Paragraph(Sentence(doc)));
}

std::string Example(const std::string& text) {
  return absl::StrCat("\nExample\n  ", text, "\n");
}

std::string NamesOf(std::span<const lru::fault_point> points) {
  return absl::StrJoin(points, ", ", [](std::string* out, lru::fault_point fp) {
    out->append(NameOf(fp));
  });
}

// --- points
// --------------------------------------------------------------------

const char* ClosesText(lru::way way) {
  switch (way) {
    case lru::way::NONE:
      return "";
    case lru::way::TRYGET_ONLINE:
      return "From here on css_tryget_online() fails.";
    case lru::way::OBJECT:
      return "From here on no object leads to the memcg.";
    case lru::way::SLOT:
      return "From here on its slot in the lru is empty, or another's.";
    case lru::way::REFERENCE:
      return "From here on nobody holds a reference on it.";
    case lru::way::ID:
      return "From here on it is not found by its id.";
  }
  return "";
}

std::string StageText(const LruInfo& lru, size_t index) {
  const lru::stage_info& stage = lru.stages[index];
  std::string text =
      absl::StrCat("Stage ", index + 1, " of ", lru.stages.size(),
                   " of a teardown on ", lru.name, ", once for each ",
                   stage.per_list ? "list of the memcg." : "memcg.");
  if (stage.after_gp) {
    absl::StrAppend(&text, " A whole grace period lies between ",
                    NameOf(stage.since), " and this", GracePeriodUnless(stage),
                    ".");
  }
  const char* closes = ClosesText(stage.closes);
  return Paragraph(absl::StrCat(text, closes[0] ? " " : "", closes));
}

// Its part in the operations whose windows are measured.
std::string StepText(const LruInfo& lru, lru::fault_point fp) {
  std::vector<std::string> begun, going;
  auto has = [&](std::span<const lru::fault_point> points) {
    return std::find(points.begin(), points.end(), fp) != points.end();
  };
  for (const lru::operation_info& op : lru.operations) {
    if (has(op.begins)) begun.push_back(op.name);
    if (has(op.under_way)) going.push_back(op.name);
  }
  std::string text;
  if (!begun.empty()) {
    absl::StrAppend(&text, "On ", lru.name,
                    " begins: ", absl::StrJoin(begun, ", "), ".");
  }
  if (!going.empty()) {
    absl::StrAppend(&text, text.empty() ? "" : " ", "On ", lru.name,
                    " is under way: ", absl::StrJoin(going, ", "), ".");
  }
  return text.empty() ? "" : Paragraph(text);
}

std::string OfLru(const LruInfo& lru, lru::fault_point fp) {
  if (!lru.Has(fp))
    return absl::StrCat("Lru ", lru.name, " never reaches it.\n");
  for (size_t i = 0; i < lru.stages.size(); i++) {
    if (lru.stages[i].fp == fp) return StageText(lru, i);
  }
  return StepText(lru, fp);
}

const char* MayDo(lru::held holds) {
  switch (holds) {
    case lru::held::NOTHING:
      return "Nothing is held there: a fault may sleep.";
    case lru::held::MUTEX:
      return "A mutex is held there: a fault may sleep, and holds up whoever "
             "wants the mutex.";
    case lru::held::RCU:
      return "RCU is held there: a fault spins or holds, and no grace period "
             "ends meanwhile.";
    case lru::held::SPIN:
      return "A spinlock is held there, and so RCU: a fault spins or holds; "
             "keep it short.";
  }
  return "";
}

std::string ExplainPoint(const lru::fault_point_info& info) {
  std::string text = Head("Fault point", info.name, info.doc);
  absl::StrAppend(&text, "\n", Paragraph(MayDo(info.holds)));
  if (info.error) text += "An error point: an allocation that can fail.\n";
  for (const LruInfo& lru : Catalog::Get().lrus()) text += OfLru(lru, info.fp);
  const char* fault = info.error ? R"(", "error": "ENOMEM", "one_in": 50})"
                                 : R"(", "delay_us": {"min": 1, "max": 50}, )"
                                   R"("one_in": 4})";
  return text + Example(absl::StrCat("{\"at\": \"", info.name, fault));
}

// --- the others
// ------------------------------------------------------------------

std::string ExplainInvariant(const InvariantInfo& info) {
  std::string text = Head("Invariant", info.name, info.doc);
  if (!info.numbers.empty()) {
    absl::StrAppend(&text, "\nIn the contract's list: ", info.numbers, ".\n");
  }
  std::vector<std::string> controls;
  for (const BustedInfo& busted : Catalog::Get().busted()) {
    bool breaks = std::any_of(
        busted.expect.begin(), busted.expect.end(),
        [&](const Expectation& e) { return e.invariant == info.name; });
    if (breaks) controls.push_back(busted.name);
  }
  if (controls.empty()) return text;
  absl::StrAppend(&text, "\nControls that break it\n");
  for (const std::string& name : controls) {
    absl::StrAppend(&text, "  ", name, "\n");
  }
  return text + Example("lrutorture run --busted " + controls[0]);
}

std::string ExplainActor(const ActorInfo& info) {
  std::string text = Head("Actor", info.name, info.doc);
  if (!info.operations.empty()) {
    absl::StrAppend(
        &text, "\n",
        Paragraph(absl::StrCat("Operations whose windows are measured: ",
                               absl::StrJoin(info.operations, ", "), ".")));
  }
  if (info.pins) {
    text += Paragraph(
        "It holds a reference across offline, so that these begin after every "
        "stage but those behind css_ref_zero.");
  }
  return text +
         Example(absl::StrCat("{\"type\": \"", info.name, "\", \"count\": 2}"));
}

std::string ExplainControl(const BustedInfo& info) {
  std::string text = Head("Control", info.name, info.doc);
  absl::StrAppend(
      &text, "\nClass ", info.klass, ", for ",
      info.lrus.empty() ? "every lru" : absl::StrJoin(info.lrus, ", "), ".\n");
  if (!info.story.empty()) absl::StrAppend(&text, "\n", info.story, "\n");
  text += "\nHow it shows, the best build first\n";
  for (const Expectation& e : info.expect) {
    absl::StrAppend(&text, "  ", e.build, ": ", e.kind,
                    e.invariant.empty() ? "" : " ", e.invariant, "\n");
  }
  return text + Example("lrutorture run --busted " + info.name) +
         "  lrutorture run configs/" + info.config +
         " --busted none    # without its bug\n";
}

std::string ExplainLru(const LruInfo& info) {
  return Head("Lru", info.name, info.doc) +
         Example("lrutorture list points --lru " + info.name);
}

std::string ExplainOperation(const LruInfo& lru,
                             const lru::operation_info& op) {
  std::string text = Head("Operation", op.name, op.doc);
  std::string points =
      absl::StrCat("On ", lru.name, " it begins at ", NameOf(op.begins[0]));
  if (op.begins.size() > 1) {
    absl::StrAppend(&points, " (or ", NamesOf(op.begins.subspan(1)), ")");
  }
  absl::StrAppend(&points,
                  op.under_way.empty()
                      ? " and is over at once."
                      : " and is under way at " + NamesOf(op.under_way) + ".");
  absl::StrAppend(&text, "\n", Paragraph(points));
  text += op.referenced ? "Its caller holds a reference on the memcg, or found "
                          "it by its slot.\n"
                        : "It is one read section, or its caller holds a "
                          "reference.\n";
  return text + Example(absl::StrCat("{\"require\": {\"coverage\": "
                                     "{\"operations\": [\"",
                                     op.name, "\"]}}}"));
}

std::string ExplainNearMiss(const NearMissInfo& info) {
  return Head("Near miss", info.name, info.doc) + "\n" +
         Paragraph(info.saved_by) +
         Example(absl::StrCat("/near_misses/", info.name,
                              " of a report; lrutorture show REPORT.json"));
}

std::string ExplainStrategy(const StrategyInfo& info) {
  return Head("Strategy", info.name, info.doc) +
         Example(absl::StrCat("{\"explore\": {\"strategy\": \"", info.example,
                              "\"}}"));
}

struct Known {
  std::string name;
  std::string text;
};

// Whatever can be named. A name may mean several things: all are told.
std::vector<Known> All() {
  std::vector<Known> all;
  const Catalog& catalog = Catalog::Get();
  for (const auto& info : catalog.invariants()) {
    all.push_back({info.name, ExplainInvariant(info)});
  }
  for (const auto& info : lru::fault_points()) {
    all.push_back({info.name, ExplainPoint(info)});
  }
  for (const auto& info : catalog.actors()) {
    all.push_back({info.name, ExplainActor(info)});
  }
  for (const auto& info : catalog.busted()) {
    all.push_back({info.name, ExplainControl(info)});
  }
  for (const LruInfo& lru : catalog.lrus()) {
    all.push_back({lru.name, ExplainLru(lru)});
    for (const auto& op : lru.operations) {
      all.push_back({op.name, ExplainOperation(lru, op)});
    }
  }
  for (const auto& info : NearMissInfos()) {
    all.push_back({info.name, ExplainNearMiss(info)});
  }
  for (const auto& info : Strategies()) {
    all.push_back({info.name, ExplainStrategy(info)});
  }
  return all;
}

}  // namespace

int ExplainCommand(const Args& args, const Cli& cli) {
  Arguments arguments;
  int code = kExitPass;
  if (!Accept("explain", args, cli, arguments, code)) return code;
  const std::string& name = arguments.positionals[0];
  std::string text;
  std::vector<std::string> names;
  for (const Known& known : All()) {
    names.push_back(known.name);
    if (known.name != name) continue;
    absl::StrAppend(&text, text.empty() ? "" : "\n", known.text);
  }
  if (text.empty()) {
    std::string hint = DidYouMean(name, names);
    if (hint.empty()) hint = " (see lrutorture list)";
    return UsageError(cli, absl::StrCat("explain: unknown name '",
                                        Printable(name), "'", hint));
  }
  std::fputs(text.c_str(), cli.out);
  return kExitPass;
}

}  // namespace harness
