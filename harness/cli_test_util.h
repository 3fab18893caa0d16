// Runs the command line in a test: no process is started, runs are noted down.
#ifndef LRUTORTURE_HARNESS_CLI_TEST_UTIL_H_
#define LRUTORTURE_HARNESS_CLI_TEST_UTIL_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "harness/cli.h"
#include "harness/fake_catalog.h"

namespace harness {

class NoWorkload : public Workload {
 public:
  void Setup(const Config&, uint64_t) override {}
  std::unique_ptr<Actor> MakeActor(const ActorSpec&, uint32_t) override {
    return nullptr;
  }
  bool Quiesce() override { return true; }
  void CheckTotals() override {}
  void Teardown() override {}
};

struct NotedRun {
  Config config;
  uint64_t seed;
  RunOptions options;
};

class CliTest : public testing::Test {
 protected:
  struct Result {
    int code;
    std::string out;
    std::string err;
  };

  // A directory of its own, the current one, with configs/teardown.json.
  void SetUp() override {
    RegisterFakes();
    runs().clear();
    answers().clear();
    reports().clear();
    std::string pattern = testing::TempDir() + "/cliXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    before_ = std::filesystem::current_path();
    dir_ = pattern;
    std::filesystem::current_path(dir_);
    Write("configs/teardown.json", R"({"description": "The default."})");
  }
  void TearDown() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(dir_);
  }

  void Write(const std::string& path, const std::string& text) {
    std::filesystem::path file = dir_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  Result Run(const Args& args) {
    char *out = nullptr, *err = nullptr;
    size_t out_size = 0, err_size = 0;
    NoWorkload workload;
    Cli cli{workload, Note, open_memstream(&out, &out_size),
            open_memstream(&err, &err_size), "configs"};
    int code = RunCli(args, cli);
    std::fclose(cli.out);
    std::fclose(cli.err);
    Result result{code, std::string(out, out_size), std::string(err, err_size)};
    std::free(out);
    std::free(err);
    return result;
  }

  // What would have run, and what each run is to return (then 0).
  static std::vector<NotedRun>& runs() {
    static std::vector<NotedRun> runs;
    return runs;
  }
  static std::vector<int>& answers() {
    static std::vector<int> answers;
    return answers;
  }
  // What each run writes into its report.json; none: it writes none.
  static std::vector<std::string>& reports() {
    static std::vector<std::string> reports;
    return reports;
  }

 private:
  static int Note(const Config& config, uint64_t seed,
                  const RunOptions& options, Workload&) {
    runs().push_back({config, seed, options});
    size_t number = runs().size() - 1;
    if (number < reports().size()) {
      std::ofstream(options.out_dir + "/report.json") << reports()[number];
    }
    return number < answers().size() ? answers()[number] : 0;
  }

  std::filesystem::path dir_, before_;
};

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_CLI_TEST_UTIL_H_
