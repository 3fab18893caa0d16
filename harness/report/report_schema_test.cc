// The schema accepts what MakeReport writes and nothing less; two validators
// of different drafts agree on every case.
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "gtest/gtest.h"
#include "harness/report/report_testing.h"
#include "valijson/adapters/nlohmann_json_adapter.hpp"
#include "valijson/schema.hpp"
#include "valijson/schema_parser.hpp"
#include "valijson/validator.hpp"

namespace harness {
namespace {

// The adapter knows the unordered kind of json only.
nlohmann::json Unordered(const Json& json) {
  return nlohmann::json::parse(json.dump());
}

// Empty when valid, else what is wrong.
std::string WhatIsWrong(const Json& report) {
  static const valijson::Schema* schema = [] {
    auto* parsed = new valijson::Schema;
    nlohmann::json text = Unordered(ReportSchema());
    valijson::SchemaParser parser;
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(text),
                          *parsed);
    return parsed;
  }();
  nlohmann::json document = Unordered(report);
  valijson::adapters::NlohmannJsonAdapter adapter(document);
  valijson::ValidationResults results;
  if (valijson::Validator().validate(*schema, adapter, &results)) return "";
  std::string wrong = "invalid";
  for (valijson::ValidationResults::Error error; results.popError(error);) {
    for (const std::string& part : error.context) wrong += "\n" + part;
    wrong += ": " + error.description;
  }
  return wrong;
}

TEST(ReportSchemaTest, AcceptsEveryKindOfReport) {
  for (const auto& [name, report] : GoodReports()) {
    EXPECT_EQ(WhatIsWrong(report), "") << name;
  }
}

TEST(ReportSchemaTest, RejectsEveryBrokenReport) {
  for (const auto& [name, report] : BrokenReports()) {
    EXPECT_NE(WhatIsWrong(report), "") << name;
  }
}

TEST(ReportSchemaTest, AcceptsTheLargestSeed) {
  RecorderPtr r = MakeRecorder();
  Json report =
      MakeReport(*r, SomeConfig(), ~uint64_t{0}, SomeOutcome(kExitPass));
  EXPECT_EQ(report["seed"], ~uint64_t{0});
  EXPECT_EQ(WhatIsWrong(report), "");
}

TEST(ReportSchemaTest, AcceptsReportsOfGarbage) {
  for (uint64_t seed = 0; seed < 2; ++seed) {
    RecorderPtr r = MakeRecorder();
    Prng prng = {seed};
    // 0: all bits set; 1: random.
    uint64_t* words = reinterpret_cast<uint64_t*>(r.get());
    for (size_t i = 0; i < sizeof(Recorder) / sizeof(uint64_t); ++i) {
      words[i] = seed == 0 ? ~uint64_t{0} : prng.Next();
    }
    Json report = MakeReport(*r, SomeConfig(), 7, SomeOutcome(kExitFinding));
    EXPECT_EQ(WhatIsWrong(report).substr(0, 500), "") << seed;
    EXPECT_LE(report.dump(2).size(), 256u * 1024);
    EXPECT_NE(ReportToText(report), "");
  }
}

struct Answer {
  int status;
  std::string text;
};

Answer RunShell(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  Answer answer = {-1, ""};
  if (!pipe) return answer;
  char line[4096];
  while (fgets(line, sizeof(line), pipe)) answer.text += line;
  int status = pclose(pipe);
  answer.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return answer;
}

class PythonTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::path(testing::TempDir()) /
           ("reports-" + std::to_string(getpid()));
    std::filesystem::create_directories(dir_);
    Write("schema.json", ReportSchema());
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  void Write(const std::string& name, const Json& json) {
    std::ofstream(dir_ / name) << json.dump(2);
  }
  std::string Validator() const {
    std::filesystem::path root = std::filesystem::path(__FILE__)
                                     .parent_path()
                                     .parent_path()
                                     .parent_path();
    return "python3 " + (root / "scripts/validate_report.py").string() +
           " --schema " + (dir_ / "schema.json").string();
  }
  std::filesystem::path dir_;
};

TEST_F(PythonTest, AcceptsEveryKindOfReport) {
  std::string command = Validator();
  for (const auto& [name, report] : GoodReports()) {
    Write(name + ".json", report);
    command += " " + (dir_ / (name + ".json")).string();
  }
  Answer answer = RunShell(command);
  EXPECT_EQ(answer.status, 0) << answer.text;
}

TEST_F(PythonTest, RejectsEveryBrokenReport) {
  std::string command = Validator();
  NamedReports broken = BrokenReports();
  for (const auto& [name, report] : broken) {
    Write(name + ".json", report);
    command += " " + (dir_ / (name + ".json")).string();
  }
  Answer answer = RunShell(command);
  EXPECT_EQ(answer.status, 1) << answer.text;
  EXPECT_EQ(answer.text.find(": valid"), std::string::npos) << answer.text;
  for (const auto& [name, report] : broken) {
    EXPECT_NE(answer.text.find("/" + name + ".json: "), std::string::npos)
        << name;
  }
}

}  // namespace
}  // namespace harness
