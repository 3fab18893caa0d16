#include <cerrno>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "harness/cli.h"
#include "harness/json_input.h"
#include "harness/report/report.h"
#include "harness/report/report_parts.h"

namespace harness {
namespace {

constexpr const char* kFormatsPlanned[] = {"html", "sarif", "junit", "trace"};

std::string FormatError(const std::string& format) {
  for (const char* planned : kFormatsPlanned) {
    if (format == planned) {
      return absl::StrCat("--format: '", format,
                          "' is planned; this build has 'text' only");
    }
  }
  return absl::StrCat("--format: unknown format '", Printable(format), "'",
                      WhichNames(format, {"text"}));
}

// Enough to tell a report from any other JSON; empty when it is one.
std::string WhyNoReport(const JsonInput& input) {
  if (!input.errors.empty()) {
    return absl::StrCat(input.errors[0].pointer, ": ", input.errors[0].what);
  }
  const Json& report = input.value;
  if (!report.is_object()) {
    return absl::StrCat("not a report: ", TypeWithArticle(report));
  }
  if (!report.contains("verdict") || !report["verdict"].is_string()) {
    return "not a report: it has no `verdict`";
  }
  if (!report.contains("schema")) return "not a report: it has no `schema`";
  if (report["schema"] != kReportSchemaId) {
    return absl::StrCat("schema: is ", Printable(report["schema"].dump(), 80),
                        ", but this build knows \"", kReportSchemaId, "\"");
  }
  return "";
}

absl::Status NoReport(const std::string& path, const std::string& why) {
  return absl::InvalidArgumentError(
      absl::StrCat(Printable(path, 200), ": ", why));
}

absl::StatusOr<std::string> Render(const std::string& path) {
  absl::StatusOr<Json> report = ReadReport(path);
  if (!report.ok()) return report.status();
  try {
    return ReportToText(*report);
  } catch (const nlohmann::json::exception& error) {
    // The renderer trusts the schema; this file has not passed it.
    return NoReport(path, absl::StrCat("not a valid report: ", error.what()));
  }
}

int WriteFile(const std::string& path, const std::string& text,
              const Cli& cli) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) {
    return UsageError(cli, absl::StrCat("--output: ", Printable(path, 200),
                                        ": ", std::strerror(errno)));
  }
  bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) == 0 && written) return kExitPass;
  UsageError(cli, absl::StrCat("--output: ", Printable(path, 200), ": ",
                               std::strerror(errno)));
  return kExitHarness;
}

}  // namespace

absl::StatusOr<Json> ReadReport(const std::string& path) {
  absl::StatusOr<std::string> text = ReadTextFile(path);
  if (!text.ok()) return text.status();
  JsonInput input = ParseJson(*text);
  std::string why = WhyNoReport(input);
  if (!why.empty()) return NoReport(path, why);
  return std::move(input.value);
}

int ShowCommand(const Args& args, const Cli& cli) {
  Arguments arguments;
  int code = kExitPass;
  if (!Accept("show", args, cli, arguments, code)) return code;
  std::string format = arguments.Value("--format");
  if (arguments.Has("--format") && format != "text") {
    return UsageError(cli, FormatError(format));
  }
  absl::StatusOr<std::string> text = Render(arguments.positionals[0]);
  if (!text.ok()) return UsageError(cli, std::string(text.status().message()));
  std::string output = arguments.Value("--output");
  if (output.empty() || output == "-") {
    std::fwrite(text->data(), 1, text->size(), cli.out);
    return kExitPass;
  }
  return WriteFile(output, *text, cli);
}

int SchemaCommand(const Args& args, const Cli& cli) {
  Arguments arguments;
  int code = kExitPass;
  if (!Accept("schema", args, cli, arguments, code)) return code;
  const std::string& which = arguments.positionals[0];
  if (which != "config" && which != "report") {
    return UsageError(
        cli, absl::StrCat("schema: unknown schema '", Printable(which), "'",
                          WhichNames(which, {"config", "report"})));
  }
  Json schema = which == "config" ? ConfigSchema() : ReportSchema();
  std::fprintf(cli.out, "%s\n", schema.dump(2).c_str());
  return kExitPass;
}

}  // namespace harness
