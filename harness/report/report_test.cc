// What the report says about runs that we know everything about.
#include "harness/report/report.h"

#include <algorithm>
#include <cstring>

#include "gtest/gtest.h"
#include "harness/report/report_testing.h"
#include "harness/report/snapshot.h"
#include "harness/report/symbolize.h"

namespace harness {
namespace {

TEST(ReportTest, PassSaysWhatTheRunRulesOut) {
  Json report = PassingReport();
  EXPECT_EQ(report["verdict"], "PASS");
  EXPECT_TRUE(report["finding"].is_null());
  EXPECT_EQ(report["seed"], 7);
  EXPECT_EQ(report["config"]["seed"], 7);
  EXPECT_EQ(report["stats"]["teardowns_contended"], 1900);
  EXPECT_EQ(report["stats"]["contended_percent"], 95.0);
  EXPECT_EQ(report["stats"]["teardowns_per_s"], 1600.0);
  EXPECT_DOUBLE_EQ(report["confidence"]["failure_rate_below_95"], 3.0 / 1900);
  EXPECT_EQ(report["truncated"], false);
}

TEST(ReportTest, OperationsAndLatenciesAreSummedUpOverTasks) {
  RecorderPtr r = MakeRecorder();
  int add = static_cast<int>(Verb::k_add);
  r->tasks[1].operations[add] = 5;
  Json stats = MakeReport(*r, SomeConfig(), 7, SomeOutcome(0))["stats"];
  EXPECT_EQ(stats["operations"]["add"], 305);
  EXPECT_FALSE(stats["operations"].contains("del"));
  const Json& latency = stats["latency_us"]["add"];
  EXPECT_EQ(latency["count"], 300);
  EXPECT_NEAR(latency["p50"], 0.250, 0.035);  // an eighth of an octave
  EXPECT_NEAR(latency["max"], 0.400, 0.05);
  EXPECT_TRUE(stats["latency_us"].contains("node_spliced"));
}

TEST(ReportTest, FaultsTellHowOftenTheyFired) {
  RecorderPtr r = MakeRecorder();
  r->tasks[0].fired[0] = 3;
  r->tasks[1].fired[0] = 4;
  r->tasks[1].timeouts[0] = 2;
  Json faults = MakeReport(*r, SomeConfig(), 7, SomeOutcome(0))["faults"];
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0]["at"], "memcg_looked_up");
  EXPECT_EQ(faults[0]["fired"], 7);
  EXPECT_EQ(faults[0]["timeouts"], 2);
}

TEST(ReportTest, FindingTellsWhoWasWhere) {
  Json finding = ReportOf(Kind::kInvariant)["finding"];
  EXPECT_EQ(finding["kind"], "invariant");
  EXPECT_EQ(finding["invariant"], "items_conserved");
  EXPECT_EQ(finding["task"], "adder-0");
  ASSERT_EQ(finding["stage"].size(), 2u);
  EXPECT_EQ(finding["stage"][0]["memcg"], 4);
  EXPECT_EQ(finding["stage"][0]["stage"], "node_spliced");
  EXPECT_EQ(finding["stage"][0]["since_us"], 34.0);
  ASSERT_EQ(finding["actors"].size(), 3u);
  const Json& adder = finding["actors"][0];
  EXPECT_EQ(adder["doing"], "add o17 m4 l1 n0 (list_lru_add)");
  EXPECT_EQ(adder["for_us"], 2.0);
  EXPECT_EQ(adder["held_at"], "memcg_looked_up");
  EXPECT_EQ(adder["rcu_nesting"], 1);
  EXPECT_EQ(finding["actors"][2]["doing"], "css_offline");
  // The adder has a wrapped ring; the worker's three points come in between.
  ASSERT_EQ(finding["events"].size(), 12u + 3u);
  double last = -1e9;
  for (const Json& event : finding["events"]) {
    EXPECT_LE(last, event["t_us"].get<double>());
    last = event["t_us"].get<double>();
  }
  EXPECT_EQ(finding["events"].back()["text"], "fault 0 at memcg_looked_up");
}

TEST(ReportTest, DeadlockNamesTheLocksOfTheCircleOnly) {
  RecorderPtr r = MakeRecorderWith(Kind::kDeadlock);
  static int bystander;
  Wait(r->tasks[1], "cgroup_mutex", &bystander, -1);
  Json report = MakeReport(*r, SomeConfig(), 7, SomeOutcome(kExitFinding));
  const Json& finding = report["finding"];
  EXPECT_EQ(finding["signature"], "deadlock|list_lrus_mutex,nlru->lock");
  EXPECT_EQ(finding["actors"][0]["waiting_for"], "spin_lock list_lrus_mutex");
  EXPECT_EQ(finding["actors"][0]["locks"][0], "nlru->lock n0");
}

TEST(ReportTest, LaterFindingsAreListedWithoutTheSnapshot) {
  RecorderPtr r = MakeRecorderWith(Kind::kInvariant);
  AddFinding(r.get(), Kind::kLeak, "leak", "Something is left.");
  AddFinding(r.get(), Kind::kLeak, "leak", "Not published.")->ready = 0;
  Json report = MakeReport(*r, SomeConfig(), 7, SomeOutcome(kExitFinding));
  ASSERT_EQ(report["findings"].size(), 2u);
  EXPECT_EQ(report["finding"], report["findings"][0]);
  EXPECT_EQ(report["findings"][1]["kind"], "leak");
  EXPECT_TRUE(report["findings"][1]["events"].empty());
}

TEST(ReportTest, FindingThatWasNeverPublishedIsStillReported) {
  RecorderPtr r = MakeRecorder();
  Json report = MakeReport(*r, SomeConfig(), 7, SomeOutcome(kExitFinding));
  EXPECT_EQ(report["finding"]["kind"], "killed");
}

TEST(ReportTest, NeverLargerThanItMay) {
  RecorderPtr r = MakeRecorderWith(Kind::kDataRace);
  const void* code = reinterpret_cast<const void*>(&MakeReport);
  while (r->nr_tasks < lru::kTasksMax) {
    TaskSlot& task = AddTask(r.get(), "a-task-with-a-long-name");
    for (int i = 0; i < kEventsPerTask; ++i) {
      WriteEvent(task, kLatchTicks - i, {Verb::k_walk, 1, 2, 3, 4}, 1, 9);
    }
    for (int i = 0; i < kFramesMax; ++i) {
      task.frames[i] = reinterpret_cast<uint64_t>(code) + i;
    }
    task.nr_frames = kFramesMax;
  }
  Json report = MakeReport(*r, SomeConfig(), 7, SomeOutcome(kExitFinding));
  EXPECT_EQ(report["truncated"], true);
  EXPECT_LE(report.dump(2).size(), 256u * 1024);
  EXPECT_EQ(report["finding"]["kind"], "data_race");
}

TEST(SnapshotTest, TextIsAlwaysUtf8) {
  EXPECT_EQ(CleanText("plain \xc3\xa4 \xe2\x82\xac"),
            "plain \xc3\xa4 \xe2\x82\xac");
  EXPECT_EQ(CleanText("\xff\xc3(\xe2\x82"), "\?\?(\?\?");
  EXPECT_EQ(CleanText("\xed\xa0\x80\x01"), "\?\?\?\?");
}

TEST(SnapshotTest, PointersThatAreNoLiteralsAreNotFollowed) {
  EXPECT_EQ(LiteralText(nullptr), "");
  EXPECT_EQ(LiteralText("nlru->lock"), "nlru->lock");
  EXPECT_EQ(LiteralText(reinterpret_cast<const char*>(0x1234)), "?");
  EXPECT_EQ(LiteralText(reinterpret_cast<const char*>(~uint64_t{0})), "?");
}

TEST(SymbolizeTest, NamesFunctionFileAndLine) {
  uint64_t pc = reinterpret_cast<uint64_t>(&ReportSchema) + 4;
  std::vector<Frame> frames = SymbolizeInlined(pc);
  ASSERT_FALSE(frames.empty());
  EXPECT_NE(frames.back().function.find("ReportSchema"), std::string::npos);
  EXPECT_EQ(frames.back().file, "harness/report/report_schema.cc");
  EXPECT_GT(frames.back().line, 0);
}

TEST(SymbolizeTest, WhatIsNoCodeIsItsNumber) {
  EXPECT_EQ(Symbolize(0x10).function, "0x10");
}

TEST(SymbolizeTest, ReadsInlinedFramesInnermostFirst) {
  std::vector<Frame> frames =
      ParseSymbolizerOutput("inner\n./lru/a.h:3:1\nouter(int)\n??:0:0\n");
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].function, "inner");
  EXPECT_EQ(frames[0].file, "lru/a.h");
  EXPECT_EQ(frames[0].line, 3);
  EXPECT_EQ(frames[1].file, "");
  EXPECT_TRUE(ParseSymbolizerOutput("??\n??:0\n").empty());
}

TEST(ReportTextTest, FitsATerminalAndSaysItAll) {
  for (Kind kind : kAllKinds) {
    std::string text = ReportToText(ReportOf(kind));
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 60) << text;
    for (const char* part :
         {"FINDING", "signature", "node_spliced", "adder-0", "Run it again",
          "--seed 7", "What happened last"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    }
  }
}

TEST(ReportTextTest, WhatAReportSaysIsNotObeyedByTheTerminal) {
  Json report = ReportOf(kAllKinds[0]);
  report["config"]["name"] = "\x1b[31mred\x07\x7f";
  report["finding"]["message"] = "a\x1b]0;title\x07 b";
  report["findings"][0]["message"] = report["finding"]["message"];
  std::string text = ReportToText(report);
  for (char c : text) {
    EXPECT_TRUE(c == '\n' ||
                (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f))
        << text;
  }
  EXPECT_NE(text.find("?]0;title?"), std::string::npos) << text;
}

}  // namespace
}  // namespace harness
