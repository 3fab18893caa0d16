#include "harness/cli_test_util.h"
#include "nlohmann/json.hpp"

namespace harness {
namespace {

class CliRunTest : public CliTest {};

namespace fs = std::filesystem;

TEST_F(CliRunTest, RunWithoutConfigTakesTeardownJsonAndDrawsASeed) {
  Result result = Run({"run"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.err, "");
  ASSERT_EQ(runs().size(), 1u);
  const NotedRun run = runs()[0];  // a copy: the next one moves them
  EXPECT_EQ(run.config.name, "teardown") << "the file's name";
  EXPECT_EQ(run.options.config_path, "configs/teardown.json");
  EXPECT_EQ(run.config.seed, run.seed) << "the effective config is complete";
  EXPECT_EQ(run.options.out_dir, "out/teardown-" + std::to_string(run.seed));
  EXPECT_TRUE(fs::is_directory(run.options.out_dir));
  EXPECT_TRUE(fs::is_empty(run.options.out_dir)) << "the probe is gone";
  EXPECT_TRUE(run.options.fork);
  Run({"run"});
  EXPECT_NE(runs()[1].seed, run.seed);
}

TEST_F(CliRunTest, OptionsWinOverSetAndSetOverTheFile) {
  Write("c.json", R"({"seed": 5, "duration_ms": 1, "findings_max": 2})");
  Result result = Run({"run", "c.json", "--duration", "2s", "--set",
                       "/duration_ms=9", "--set", "/findings_max=3", "--lru",
                       "other-lock", "--no-fork", "--quiet"});
  ASSERT_EQ(runs().size(), 1u) << result.err;
  EXPECT_EQ(runs()[0].config.duration_ms, 2000u);
  EXPECT_EQ(runs()[0].config.findings_max, 3u);
  EXPECT_EQ(runs()[0].config.lru, "other-lock");
  EXPECT_EQ(runs()[0].seed, 5u);
  EXPECT_FALSE(runs()[0].options.fork);
  EXPECT_TRUE(runs()[0].options.quiet);
  EXPECT_EQ(runs()[0].options.command,
            "lrutorture run c.json --duration 2s --set /duration_ms=9 "
            "--set /findings_max=3 --lru other-lock --seed 5");
  Run({"run", "c.json", "--seed", "6"});
  EXPECT_EQ(runs()[1].seed, 6u);
}

TEST_F(CliRunTest, BustedWithoutConfigTakesTheControlsOwn) {
  Write("configs/busted/fake_bug.json", R"({"busted": "fake_bug"})");
  Run({"run", "--busted", "fake_bug"});
  Run({"run", "--busted", "none"});
  Run({"run", "configs/busted/fake_bug.json", "--busted", "none"});
  ASSERT_EQ(runs().size(), 3u);
  EXPECT_EQ(runs()[0].options.config_path, "configs/busted/fake_bug.json");
  EXPECT_EQ(runs()[0].config.busted, "fake_bug");
  EXPECT_EQ(runs()[1].options.config_path, "configs/teardown.json");
  EXPECT_EQ(runs()[2].config.busted, "none");
  EXPECT_EQ(Run({"run", "--busted", "fake_bag"}).err,
            "/busted: unknown control 'fake_bag' (did you mean 'fake_bug'?)\n");
}

TEST_F(CliRunTest, AnExistingDefaultDirectoryGetsASibling) {
  for (int i = 0; i < 3; ++i) Run({"run", "--seed", "7"});
  EXPECT_EQ(runs()[0].options.out_dir, "out/teardown-7");
  EXPECT_EQ(runs()[1].options.out_dir, "out/teardown-7-2");
  EXPECT_EQ(runs()[2].options.out_dir, "out/teardown-7-3");
}

TEST_F(CliRunTest, OutNamesTheDirectoryOfASingleRun) {
  Run({"run", "--out", "a/b"});
  Run({"run", "--out", "a/b/"});
  EXPECT_EQ(runs()[0].options.out_dir, "a/b");
  EXPECT_EQ(runs()[1].options.out_dir, "a/b/");
}

TEST_F(CliRunTest, AnUnwritableOutIsFoundBeforeTheRun) {
  Write("file", "");
  Result result = Run({"run", "--out", "file"});
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.err.substr(0, 30), "--out: cannot write in 'file':");
  EXPECT_EQ(Run({"run", "--out", "file/x"}).code, 2);
  EXPECT_EQ(Run({"run", "--out", "/proc/1/x"}).code, 2);
  EXPECT_EQ(Run({"run", "--out", "/proc"}).code, 2);
  EXPECT_EQ(Run({"run", "--out", ""}).err, "--out: is empty\n");
  EXPECT_EQ(Run({"run", "--seeds", "1..2", "--out", "file"}).code, 2);
  EXPECT_TRUE(runs().empty());
}

TEST_F(CliRunTest, SeedsRunsEachAndTheWorstAnswerWins) {
  answers() = {0, 3, 1, 0};
  Result result = Run({"run", "--seeds", "3..6", "--out", "d"});
  EXPECT_EQ(result.code, 1);
  ASSERT_EQ(runs().size(), 4u);
  EXPECT_EQ(runs()[2].seed, 5u);
  EXPECT_EQ(runs()[2].options.out_dir, "d/teardown-5");
  EXPECT_EQ(result.out,
            "1/4  PASS           configs/teardown.json seed 3  d/teardown-3\n"
            "2/4  INCONCLUSIVE   configs/teardown.json seed 4  d/teardown-4\n"
            "3/4  FINDING        configs/teardown.json seed 5  d/teardown-5\n"
            "4/4  PASS           configs/teardown.json seed 6  d/teardown-6\n");
}

TEST_F(CliRunTest, TheWorstIsHarnessThenFindingThenInterruptThenInconclusive) {
  struct {
    std::vector<int> codes;
    int worst;
  } kCases[] = {{{0, 0}, 0}, {{0, 3}, 3},     {{3, 1}, 1},  {{1, 4}, 4},
                {{4, 1}, 4}, {{3, 130}, 130}, {{1, 130}, 1}};
  for (const auto& c : kCases) {
    answers() = c.codes;
    runs().clear();
    EXPECT_EQ(Run({"run", "--seeds", "1..2"}).code, c.worst);
  }
}

TEST_F(CliRunTest, ASecondCtrlCEndsTheSuite) {
  answers() = {130};
  Result result = Run({"run", "--seeds", "1..3"});
  EXPECT_EQ(result.code, 130);
  EXPECT_EQ(runs().size(), 1u);
  EXPECT_NE(result.out.find("2/3  NOT RUN"), std::string::npos);
}

TEST_F(CliRunTest, CtrlCEndsTheSuiteAsTheRunsReportSays) {
  answers() = {3, 3, 0};
  reports() = {R"({"interrupted": false})", R"({"interrupted": true})"};
  Result result = Run({"run", "--seeds", "1..3"});
  EXPECT_EQ(result.code, 3);
  EXPECT_EQ(runs().size(), 2u);
  EXPECT_NE(result.out.find("3/3  NOT RUN"), std::string::npos);
}

TEST_F(CliRunTest, WithJsonStdoutIsLeftToTheRuns) {
  Result result = Run({"run", "--seeds", "1..2", "--json"});
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err.substr(0, 9), "1/2  PASS");
}

TEST_F(CliRunTest, ShardsShareTheRuns) {
  Run({"run", "--seeds", "1..7", "--shard", "2/3"});
  ASSERT_EQ(runs().size(), 2u);
  EXPECT_EQ(runs()[0].seed, 2u);
  EXPECT_EQ(runs()[1].seed, 5u);
  EXPECT_EQ(Run({"run", "--shard", "1/2"}).err,
            "--shard: 2 shards, but 1 run(s) to share (see --seeds)\n");
  EXPECT_EQ(Run({"run", "--shard", "3/2"}).err,
            "--shard: '3' is out of range 1..2\n");
}

TEST_F(CliRunTest, NamedOptionsOfExploreAreKeysOfTheConfig) {
  Run({"run", "--engine", "explore", "--schedules", "500", "--strategy",
       "pct:3", "--seed", "4"});
  ASSERT_EQ(runs().size(), 1u);
  EXPECT_EQ(runs()[0].config.engine, "explore");
  EXPECT_EQ(runs()[0].config.schedules, 500u);
  EXPECT_EQ(runs()[0].config.strategy, "pct:3");
  EXPECT_EQ(runs()[0].options.command,
            "lrutorture run configs/teardown.json --engine explore "
            "--schedules 500 --strategy pct:3 --seed 4");
  Run({"run", "--engine", "explore", "--schedules", "0", "--duration", "2s"});
  EXPECT_EQ(runs()[1].config.schedules, 0u) << "as many as 2 s allow";
}

TEST_F(CliRunTest, ShardsShareTheSchedulesOfASingleExploration) {
  Run({"run", "--engine", "explore", "--schedules", "100", "--seed", "4",
       "--shard", "2/3"});
  ASSERT_EQ(runs().size(), 1u);
  EXPECT_EQ(runs()[0].config.schedules, 100u) << "the total";
  EXPECT_EQ(runs()[0].options.share.first, 1u);
  EXPECT_EQ(runs()[0].options.share.every, 3u);
  EXPECT_EQ(runs()[0].options.command,
            "lrutorture run configs/teardown.json --engine explore "
            "--schedules 100 --seed 4 --shard 2/3");
  Run({"run", "--engine", "explore", "--seeds", "1..4", "--shard", "2/2"});
  ASSERT_EQ(runs().size(), 3u) << "several runs are shared as such";
  EXPECT_EQ(runs()[1].options.share.every, 1u);
  EXPECT_EQ(
      Run({"run", "--engine", "explore", "--schedules", "2", "--shard", "1/3"})
          .err,
      "--shard: 3 shards, but 2 schedule(s) to share\n");
  EXPECT_EQ(Run({"run", "--engine", "explore", "--strategy", "dfs:2", "--shard",
                 "1/3"})
                .err,
            "--shard: dfs:2 makes each schedule of the one before: it cannot "
            "be shared\n");
}

TEST_F(CliRunTest, ASuiteRunsEachLineWithItsOptions) {
  Write("s/my.list",
        "# Two runs.\n\n"
        "../configs/teardown.json --duration 1s --seed 4  # the first\r\n"
        "own.json --set /topology/nids=3 --seeds 8..9\n");
  Write("s/own.json", R"({"name": "mine"})");
  Result result = Run({"run", "s/my.list", "--out", "o", "--duration", "2s"});
  EXPECT_EQ(result.err, "");
  ASSERT_EQ(runs().size(), 3u);
  EXPECT_EQ(runs()[0].options.config_path, "configs/teardown.json");
  EXPECT_EQ(runs()[0].config.duration_ms, 2000u) << "the command line wins";
  EXPECT_EQ(runs()[0].options.out_dir, "o/teardown-4");
  EXPECT_EQ(runs()[1].config.topology.nids, 3u);
  EXPECT_EQ(runs()[1].options.config_path, "s/own.json");
  EXPECT_EQ(runs()[2].seed, 9u);
  EXPECT_EQ(runs()[2].options.out_dir, "o/mine-9");
  EXPECT_EQ(runs()[1].options.command,
            "lrutorture run s/own.json --set /topology/nids=3 --duration 2s "
            "--seed 8");
}

TEST_F(CliRunTest, EveryLineOfASuiteIsCheckedBeforeTheFirstRun) {
  Write("bad.list",
        "configs/teardown.json\n"
        "missing.json\n"
        "configs/teardown.json --duratoin 1s\n"
        "configs/teardown.json --quiet\n"
        "--seed 1\n"
        "bad.list\n"
        "configs/teardown.json --lru x\n"
        "syntax.json\n");
  Write("syntax.json", "{");
  Result result = Run({"run", "bad.list"});
  EXPECT_EQ(result.code, 2);
  EXPECT_TRUE(runs().empty());
  EXPECT_EQ(
      result.err,
      "bad.list:2: missing.json: No such file or directory\n"
      "bad.list:3: --duratoin: unknown option of 'run' (did you mean "
      "'--duration'?)\n"
      "bad.list:3: run: unexpected argument '1s'\n"
      "bad.list:4: --quiet: belongs to the command line, not to a suite's "
      "line\n"
      "bad.list:5: a line starts with a config\n"
      "bad.list:6: a suite cannot contain a suite\n"
      "bad.list:7: /lru: unknown lru 'x' (one of: node-lock, other-lock, "
      "FILE.so)\n"
      "bad.list:8: syntax.json:1:1: syntax error while parsing object key - "
      "unexpected end of input; expected string literal\n");
  Write("empty.list", "# nothing\n");
  EXPECT_EQ(Run({"run", "empty.list"}).err, "empty.list: names no config\n");
}

TEST_F(CliRunTest, BadOptionsAndConfigsAreExit2BeforeAnythingStarts) {
  struct {
    Args args;
    const char* err;
  } kCases[] = {
      {{"run", "nope.json"}, "nope.json: No such file or directory\n"},
      {{"run", "configs"}, "configs: is a directory, not a file\n"},
      {{"run", "--seed", "-1"},
       "--seed: '-1' is out of range 0..9223372036854775807\n"},
      {{"run", "--seed", "9223372036854775808"},
       "--seed: '9223372036854775808' is out of range "
       "0..9223372036854775807\n"},
      {{"run", "--seed", "abc"}, "--seed: 'abc' is not a number\n"},
      {{"run", "--seed", "1", "--seeds", "1..2"},
       "--seeds: --seed is given, too\n"},
      {{"run", "--seeds", "2..1"},
       "--seeds: '2..1' is empty: A must not be above B\n"},
      {{"run", "--seeds", "0..9223372036854775807"},
       "--seeds: more than 100000 runs in all\n"},
      {{"run", "--duration", "10"},
       "--duration: '10' is no duration (write 500ms, 1.5s, 2m, 1h or 7d)\n"},
      {{"run", "--duration", "0.5ms"},
       "--duration: '0.5ms' is no whole number of milliseconds\n"},
      {{"run", "--duration", "0s"},
       "/duration_ms: 0 is out of range 1..604800000\n"},
      {{"run", "--duration", "8d"},
       "/duration_ms: 691200000 is out of range 1..604800000\n"},
      {{"run", "--engine", "explorer"},
       "/engine: unknown engine 'explorer' (did you mean 'explore'?)\n"},
      {{"run", "--schedules", "many"},
       "/explore/schedules: must be an integer in 0..1000000000000, not a "
       "string\n"},
      {{"run", "--strategy", "pct3"},
       "/explore/strategy: unknown strategy 'pct3' (did you mean 'pct:3'?)\n"},
      {{"run", "--schedules", "5"},
       "--schedules: only with --engine explore; configs/teardown.json runs in "
       "stress\n"},
      {{"run", "--strategy", "pct:3"},
       "--strategy: only with --engine explore; configs/teardown.json runs in "
       "stress\n"},
      {{"run", "--set", "/a"}, "--set: '/a' is not /POINTER=VALUE\n"},
      {{"run", "--set", "lru=x"},
       "lru: --set: not a JSON pointer (like /topology/nids)\n"},
      {{"run", "--no-fork", "--seeds", "1..2"},
       "--no-fork: several runs need a process each\n"},
      {{"run", "a", "b"}, "run: unexpected argument 'b'\n"},
  };
  for (const auto& c : kCases) {
    Result result = Run(c.args);
    EXPECT_EQ(result.code, 2) << c.err;
    EXPECT_EQ(result.err, c.err);
    EXPECT_EQ(result.out, "");
  }
  EXPECT_TRUE(runs().empty());
  EXPECT_FALSE(fs::exists("out"));
}

TEST_F(CliRunTest, WarningsDoNotStopARun) {
  Write("w.json", R"({"faults": [{"at": "dead_list_seen", "delay_us": 1}]})");
  Result result = Run({"run", "w.json"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.err,
            "warning: /faults/0/at: lru 'node-lock' never reaches "
            "'dead_list_seen'\n");
  EXPECT_EQ(runs().size(), 1u);
}

}  // namespace
}  // namespace harness
