#include "harness/explore/schedule.h"

#include <memory>
#include <set>

#include "gtest/gtest.h"
#include "harness/explore/explore.h"
#include "harness/plan.h"

namespace harness::explore {
namespace {

using Runs = std::vector<ScheduleRun>;

std::string Text(const Runs& runs) {
  return ScheduleText(runs.data(), runs.size());
}

std::string ParseError(std::string_view text) {
  return std::string(ParseSchedule(text).status().message());
}

std::unique_ptr<ScheduleLog> NewLog() {
  return std::make_unique<ScheduleLog>();  // zeroed
}

// No two neighbours of the same fiber, as a log has them.
Runs RandomRuns(Prng& prng, size_t size, uint64_t count_max) {
  Runs runs;
  uint64_t fiber = prng.Below(kFibersMax);
  for (size_t i = 0; i < size; ++i) {
    fiber = (fiber + 1 + prng.Below(kFibersMax - 1)) % kFibersMax;
    runs.push_back({.fiber = static_cast<uint32_t>(fiber),
                    .count = static_cast<uint32_t>(1 + prng.Below(count_max))});
  }
  return runs;
}

TEST(ScheduleLogTest, CountsHowOftenInARow) {
  auto log = NewLog();
  for (uint32_t fiber : {0, 0, 0, 3, 0, 0, 63}) log->Append(fiber);
  EXPECT_EQ(log->choices, 7u);
  EXPECT_EQ(log->truncated, 0u);
  EXPECT_EQ(Runs(log->runs, log->runs + log->size),
            (Runs{{0, 3}, {3, 1}, {0, 2}, {63, 1}}));
  log->Clear();
  log->Append(3);
  EXPECT_EQ(Runs(log->runs, log->runs + log->size), (Runs{{3, 1}}));
}

TEST(ScheduleLogTest, FullItKeepsTheBeginningAndSaysSo) {
  auto log = NewLog();
  for (uint32_t i = 0; i < kScheduleRunsMax; ++i) log->Append(i % 2);
  EXPECT_EQ(log->size, kScheduleRunsMax);
  log->Append(1);  // still the last run
  EXPECT_EQ(log->truncated, 0u);
  for (int i = 0; i < 3; ++i) {
    log->Append(0);  // lost, and so is what would lengthen the last run
    log->Append(1);
  }
  EXPECT_EQ(log->truncated, 1u);
  EXPECT_EQ(log->size, kScheduleRunsMax);
  EXPECT_EQ(log->runs[kScheduleRunsMax - 1], (ScheduleRun{1, 2}));
  EXPECT_EQ(log->choices, kScheduleRunsMax + 7u);
}

TEST(ScheduleLogTest, ACountThatIsFullStartsAnotherRun) {
  auto log = NewLog();
  log->Append(5);
  log->runs[0].count = UINT32_MAX;
  log->Append(5);
  EXPECT_EQ(Text(Runs(log->runs, log->runs + log->size)), "f4294967295 f");
  EXPECT_EQ(*ParseSchedule("f4294967295 f"), (Runs{{5, UINT32_MAX}, {5, 1}}));
}

TEST(ScheduleTextTest, IsAWordForEachRun) {
  EXPECT_EQ(Text({{0, 14}, {3, 1}, {0, 2}}), "a14 d a2");
  EXPECT_EQ(Text({{25, 1}, {26, 2}, {51, 3}, {52, 4}, {63, 5}}),
            "z A2 Z3 !4 @5");
  EXPECT_EQ(Text({}), "");
  EXPECT_EQ(*ParseSchedule("a14 d a2"), (Runs{{0, 14}, {3, 1}, {0, 2}}));
  EXPECT_EQ(*ParseSchedule(""), Runs{});
  EXPECT_EQ(*ParseSchedule(" \t\n"), Runs{});
}

TEST(ScheduleTextTest, GoesThereAndBack) {
  Prng prng{1};
  for (int i = 0; i < 200; ++i) {
    Runs runs = RandomRuns(prng, prng.Below(300), i % 2 ? 3 : 1'000'000);
    auto parsed = ParseSchedule(Text(runs));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, runs);
  }
}

TEST(ScheduleTextTest, NeedsNoEscapeInJson) {
  for (uint32_t fiber = 0; fiber < kFibersMax; ++fiber) {
    char letter = FiberLetter(fiber);
    EXPECT_TRUE(letter > ' ' && letter < 127 && letter != '"' && letter != '\\')
        << fiber;
  }
}

TEST(ScheduleTextTest, TwentyThousandSwitchesFitIn100KiB) {
  Prng prng{2};
  EXPECT_LE(Text(RandomRuns(prng, 20'000, 999)).size(), 100u << 10);
}

// What a person does in an editor: another fiber, another count.
TEST(ScheduleTextTest, AnEditedWordIsAnotherSchedule) {
  Prng prng{3};
  Runs runs = RandomRuns(prng, 50, 20);
  for (size_t i = 0; i < runs.size(); ++i) {
    for (bool fiber : {false, true}) {
      Runs edited = runs;
      if (fiber) {
        edited[i].fiber = (edited[i].fiber + 1) % kFibersMax;
      } else {
        edited[i].count++;
      }
      auto parsed = ParseSchedule(Text(edited));
      ASSERT_TRUE(parsed.ok()) << parsed.status();
      EXPECT_NE(*parsed, runs);
    }
  }
  EXPECT_EQ(*ParseSchedule("a14 a a2"), (Runs{{0, 17}}));
  EXPECT_EQ(*ParseSchedule("\n a1\t d1  a2\n"), (Runs{{0, 1}, {3, 1}, {0, 2}}));
}

TEST(ScheduleTextTest, ErrorsNameTheWordAndTheCharacter) {
  EXPECT_EQ(ParseError("a14 _ a2"),
            "schedule: word 2 at character 5: '_': no letter of a fiber");
  EXPECT_EQ(ParseError("14"),
            "schedule: word 1 at character 1: '14': no letter of a fiber");
  constexpr char kCount[] = ": after the letter comes a count in 1..4294967295";
  for (std::string word : {"d0", "d01", "dx", "d-1", "d+1", "d1.5", "d3d4",
                           "d4294967296", "d99999999999999999999"}) {
    EXPECT_EQ(ParseError("a14  " + word),
              "schedule: word 2 at character 6: '" + word + "'" + kCount);
  }
  std::string nul("a\0", 2);
  EXPECT_EQ(ParseError(nul),
            std::string("schedule: word 1 at character 1: 'a?'") + kCount);
}

TEST(SeedOfScheduleTest, RunsOfNeighbouringSeedsHaveNoScheduleInCommon) {
  constexpr uint64_t kRuns = 8, kSchedules = 1000;
  std::set<uint64_t> seeds;
  for (uint64_t run = 0; run < kRuns; run++) {
    for (uint64_t index = 0; index < kSchedules; index++) {
      seeds.insert(SeedOfSchedule(run, index));
    }
  }
  EXPECT_EQ(seeds.size(), kRuns * kSchedules);
}

}  // namespace
}  // namespace harness::explore
