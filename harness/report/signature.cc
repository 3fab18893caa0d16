#include "harness/report/signature.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace harness {
namespace {

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}
bool Starts(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// Everything in brackets goes: (arguments), <template arguments>, [clone ...],
// {lambda...}. The arrow of operator-> and the like is not worth a parser.
std::string WithoutBrackets(std::string_view text) {
  std::string result;
  int depth = 0;
  for (char c : text) {
    if (c == '(' || c == '<' || c == '[' || c == '{') ++depth;
    if (depth == 0) result += c;
    if ((c == ')' || c == '>' || c == ']' || c == '}') && depth > 0) --depth;
  }
  return result;
}

// Names that the compilers give to lambdas and their callers.
bool Anonymous(std::string_view part) {
  return part.empty() || part[0] == '$' || part[0] == '\'' ||
         Starts(part, "operator") || part == "__invoke" || part == "_FUN" ||
         part == "const";
}

// A kernel's own file, where build_plugin.sh has left it.
bool InPlugin(const Frame& frame) { return Has(frame.file, ".so.d/"); }

bool InSubject(const Frame& frame) {
  if (frame.file.empty()) {
    return Has(frame.function, "lru::") || Has(frame.function, "workloads::");
  }
  return Starts(frame.file, "lru/") || Starts(frame.file, "workloads/") ||
         InPlugin(frame);
}

// Means nothing to a reader who looks for the cause.
bool PassedOver(const Frame& frame, const std::string& name) {
  if (Starts(frame.file, "lru/sync/") || Starts(frame.file, "lru/list.") ||
      Starts(frame.file, "lru/kernel/") ||
      Starts(frame.file, "workloads/oracles/") ||
      Starts(frame.file, "workloads/busted/")) {
    return true;
  }
  if (Has(frame.function, "busted::")) return true;
  bool helper = (Starts(name, "list_") && !Starts(name, "list_lru")) ||
                Starts(name, "__list_") || Starts(name, "atomic_");
  return helper || name.empty();
}

bool Frees(const NamedStack& stack) {
  if (Starts(stack.title, "freed by")) return true;
  if (stack.frames.empty()) return false;
  std::string name = BaseName(stack.frames[0].function);
  // "operator delete(void*)" ends as nothing but its brackets.
  return name == "free" || name == "realloc" || name == "__interceptor_free" ||
         Has(stack.frames[0].function, "operator delete");
}

std::string Join(const std::set<std::string>& names) {
  std::vector<std::string> some;
  for (const std::string& name : names) {
    if (!name.empty() && some.size() < 2) some.push_back(name);
  }
  return absl::StrJoin(some, ",");
}

std::string FirstFunction(const SignatureInput& input) {
  for (const NamedStack& stack : input.stacks) {
    std::string name = TopFunction(stack.frames);
    if (!name.empty()) return name;
  }
  return "";
}

bool Allocates(const NamedStack& stack) {
  return Has(stack.title, "allocated by");
}

std::string RaceFunctions(const SignatureInput& input) {
  std::vector<const NamedStack*> sides;
  for (const NamedStack& stack : input.stacks) {
    if (!Allocates(stack)) sides.push_back(&stack);
  }
  for (const NamedStack* side : sides) {
    if (Frees(*side)) return TopFunction(side->frames);
  }
  if (!sides.empty() && Has(sides[0]->title, "holding no lock")) {
    std::string name = TopFunction(sides[0]->frames);
    if (!name.empty()) return name;
  }
  std::set<std::string> names;
  for (const NamedStack* side : sides) names.insert(TopFunction(side->frames));
  return Join(names);
}

std::string MemoryFunctions(const SignatureInput& input) {
  std::string freed, allocated;
  for (const NamedStack& stack : input.stacks) {
    if (Allocates(stack)) {
      allocated = TopFunction(stack.frames);
    } else if (Frees(stack)) {
      freed = TopFunction(stack.frames);
    }
  }
  if (freed.empty()) return FirstFunction(input);
  return allocated.empty() ? freed : absl::StrCat(freed, ",", allocated);
}

// The words after the kind; empty ones are left out.
std::string Detail(const SignatureInput& input) {
  std::set<std::string> names;
  switch (input.kind) {
    case Kind::kInvariant:
      return input.type.empty()
                 ? input.invariant
                 : absl::StrCat(input.invariant, "|", input.type);
    case Kind::kDataRace:
      return RaceFunctions(input);
    case Kind::kMemoryError:
      return MemoryFunctions(input);
    case Kind::kLockInversion:
      for (const NamedStack& stack : input.stacks) {
        names.insert(TopFunction(stack.frames));
      }
      return Join(names);
    case Kind::kDeadlock:
      return absl::StrJoin(input.locks, ",");
    case Kind::kStall:
      return input.operation;
    case Kind::kKilled:
      return "";
    default:
      return FirstFunction(input);
  }
}

bool TypeCounts(Kind kind) {
  return kind == Kind::kDataRace || kind == Kind::kMemoryError ||
         kind == Kind::kUndefinedBehavior || kind == Kind::kLockInversion ||
         kind == Kind::kCrash;
}

}  // namespace

std::string BaseName(std::string_view function) {
  std::string text = WithoutBrackets(function);
  while (!text.empty() && text.back() == ' ') text.pop_back();
  std::string name;
  for (size_t at = 0; at <= text.size();) {
    size_t end = text.find("::", at);
    if (end == text.npos) end = text.size();
    std::string_view part = std::string_view(text).substr(at, end - at);
    // "bool list_lru_add": a template's return type stands in front.
    size_t space = part.find_last_of(' ');
    if (space != part.npos && part.substr(space + 1) != "const") {
      part.remove_prefix(space + 1);
    } else if (space != part.npos) {
      part = part.substr(0, space);
    }
    if (!Anonymous(part)) name = part;
    at = end + 2;
  }
  return name.substr(0, name.find('.'));  // ".isra.0", ".cold", ".llvm.123"
}

std::string TopFunction(const std::vector<Frame>& frames) {
  for (const Frame& frame : frames) {
    std::string name = BaseName(frame.function);
    if (InSubject(frame) && !PassedOver(frame, name)) return name;
  }
  return "";
}

std::string MakeSignature(const SignatureInput& input) {
  std::string signature = KindName(input.kind);
  if (TypeCounts(input.kind) && !input.type.empty()) {
    absl::StrAppend(&signature, "|", input.type);
  }
  std::string detail = Detail(input);
  if (!detail.empty()) absl::StrAppend(&signature, "|", detail);
  return signature;
}

}  // namespace harness
