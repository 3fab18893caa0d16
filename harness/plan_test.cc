#include "harness/plan.h"

#include <algorithm>
#include <set>

#include "gtest/gtest.h"
#include "harness/fake_catalog.h"

namespace harness {
namespace {

// The visits, of the first `n`, at which a fault fires.
std::vector<uint64_t> FiredAt(const Fault& fault, int n, uint64_t seed = 1,
                              const char* task = "adder-0") {
  std::vector<uint64_t> fired;
  FaultVisits visits;
  for (int i = 0; i < n; ++i) {
    if (Decide(seed, fault, 0, HashName(task), visits).fire) {
      fired.push_back(visits.visits);
    }
  }
  return fired;
}

Fault DelayFault(uint64_t min_us, uint64_t max_us,
                 Distribution distribution = Distribution::kLogUniform) {
  Fault fault;
  fault.at = lru::FP_ref_killed;
  fault.delay = Delay{min_us, max_us, distribution};
  return fault;
}

std::vector<uint64_t> Delays(const Fault& fault, int n) {
  std::vector<uint64_t> delays;
  FaultVisits visits;
  for (int i = 0; i < n; ++i) {
    delays.push_back(Decide(7, fault, 0, HashName("adder-0"), visits).delay_ns);
  }
  return delays;
}

using Visits = std::vector<uint64_t>;

TEST(PrngTest, IsSplitMix64) {
  Prng prng{0};  // the published sequence of seed 0
  EXPECT_EQ(prng.Next(), 0xE220A8397B1DCDAFu);
  EXPECT_EQ(prng.Next(), 0x6E789E6AA1B965F4u);
  Prng other{1234567};
  EXPECT_EQ(other.Next(), 6457827717110365317u);
  EXPECT_EQ(other.Next(), 3203168211198807973u);
}

TEST(PrngTest, BelowStaysBelowAndReachesEverything) {
  Prng prng{3};
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(prng.Below(7));
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_EQ(*seen.rbegin(), 6u);
  EXPECT_EQ(prng.Below(1), 0u);
}

TEST(DecideTest, WithoutAttributesEveryVisitFires) {
  EXPECT_EQ(FiredAt(Fault{}, 3), (Visits{1, 2, 3}));
}

TEST(DecideTest, TheFirstSpaceVisitsNeverFire) {
  Fault fault;
  fault.space = 3;
  EXPECT_EQ(FiredAt(fault, 5), (Visits{4, 5}));
}

TEST(DecideTest, OnlyEveryIntervalthVisitIsConsidered) {
  Fault fault;
  fault.interval = 3;
  EXPECT_EQ(FiredAt(fault, 9), (Visits{3, 6, 9}));
  fault.space = 2;
  EXPECT_EQ(FiredAt(fault, 9), (Visits{5, 8}));
}

TEST(DecideTest, TimesLimitsEachTaskOnItsOwn) {
  Fault fault;
  fault.times = 2;
  EXPECT_EQ(FiredAt(fault, 9), (Visits{1, 2}));
  fault.times = 0;
  EXPECT_EQ(FiredAt(fault, 9), Visits{});
  fault.times = -1;
  EXPECT_EQ(FiredAt(fault, 9).size(), 9u);
}

TEST(DecideTest, NthFiresOnce) {
  Fault fault;
  fault.nth = 4;
  EXPECT_EQ(FiredAt(fault, 9), (Visits{4}));
}

TEST(DecideTest, OneInIsAProbability) {
  Fault fault;
  fault.one_in = 10;
  // 100,000 visits: 10,000 expected, sigma 95.
  size_t fired = FiredAt(fault, 100'000).size();
  EXPECT_GT(fired, 9'500u);
  EXPECT_LT(fired, 10'500u);
}

TEST(DecideTest, SeedTaskAndFaultEachChangeTheDecisions) {
  Fault fault;
  fault.one_in = 2;
  Visits base = FiredAt(fault, 64);
  EXPECT_EQ(FiredAt(fault, 64), base);
  EXPECT_NE(FiredAt(fault, 64, 2), base);
  EXPECT_NE(FiredAt(fault, 64, 1, "adder-1"), base);
  FaultVisits visits;
  Visits other_index;
  for (int i = 0; i < 64; ++i) {
    if (Decide(1, fault, 1, HashName("adder-0"), visits).fire) {
      other_index.push_back(visits.visits);
    }
  }
  EXPECT_NE(other_index, base);
}

TEST(DelayTest, EqualBoundsGiveThatDelay) {
  for (uint64_t us : {0, 1, 2, 3, 64, 10'000'000}) {
    for (auto d : {Distribution::kUniform, Distribution::kLogUniform}) {
      for (uint64_t ns : Delays(DelayFault(us, us, d), 20)) {
        EXPECT_EQ(ns, us * 1000);
      }
    }
  }
}

TEST(DelayTest, StaysWithinBoundsAndComesNearBoth) {
  const std::pair<uint64_t, uint64_t> kBounds[] = {
      {0, 1}, {0, 50}, {1, 50}, {1, 64}, {5, 6}, {3, 200}, {0, 10'000'000}};
  for (auto [min, max] : kBounds) {
    for (auto d : {Distribution::kUniform, Distribution::kLogUniform}) {
      auto delays = Delays(DelayFault(min, max, d), 5000);
      auto [low, high] = std::minmax_element(delays.begin(), delays.end());
      uint64_t width = (max - min) * 1000;
      EXPECT_GE(*low, min * 1000);
      EXPECT_LE(*high, max * 1000);
      EXPECT_LE(*low, min * 1000 + width / 20) << min << ".." << max;
      EXPECT_GE(*high, max * 1000 - width / 20) << min << ".." << max;
    }
  }
}

TEST(DelayTest, LogUniformMakesEveryDoublingAsLikely) {
  auto delays = Delays(DelayFault(1, 64), 60'000);
  for (uint64_t low = 1000; low < 64'000; low *= 2) {
    long count = std::count_if(delays.begin(), delays.end(), [&](uint64_t ns) {
      return ns >= low && ns < 2 * low;
    });
    EXPECT_NEAR(count, 10'000, 600) << low;  // sigma 91
  }
}

Config PlanConfig() {
  RegisterFakes();
  ParsedConfig parsed = ParseConfig(
      R"({"name": "p", "actors": [{"type": "adder", "count": 2}], "faults": [
        {"at": "ref_killed", "delay_us": {"min": 1, "max": 50}, "one_in": 4},
        {"at": "mlru_allocated", "error": "ENOMEM", "one_in": 9}]})",
      {});
  EXPECT_TRUE(parsed.errors.empty());
  return parsed.config;
}

const std::vector<std::string> kTasks = {"adder-0", "adder-1"};

TEST(PlanHashTest, IsTheSameInEveryBuildAndCompiler) {
  // Changes with the canonical config, the PRNG or the order of decisions:
  // then say so in CHANGELOG.md, for old reports name the old hash.
  EXPECT_EQ(HashName(""), 0xe220a8397b1dcdafu);
  EXPECT_EQ(HashName("adder-0"), 15798295969047907305u);
  EXPECT_EQ(Delays(DelayFault(1, 50), 4), (Visits{44570, 15443, 2152, 10882}));
  EXPECT_EQ(PlanHash(PlanConfig(), 17, kTasks), "0f0cfb77f63e7f4c");
}

TEST(PlanHashTest, NamesEngineAndTheConfigsOwnSeedAreNoPartOfIt) {
  Config config = PlanConfig();
  std::string base = PlanHash(config, 17, kTasks);
  config.name = "q";
  config.description = "d";
  config.engine = "explore";
  config.seed = 99;
  EXPECT_EQ(PlanHash(config, 17, kTasks), base);
}

TEST(PlanHashTest, EverythingElseIs) {
  Config config = PlanConfig();
  std::string base = PlanHash(config, 17, kTasks);
  EXPECT_NE(PlanHash(config, 18, kTasks), base);
  EXPECT_NE(PlanHash(config, 17, {"adder-0"}), base);
  Config other = config;
  other.faults[0].one_in = 5;
  EXPECT_NE(PlanHash(other, 17, kTasks), base);
  other = config;
  other.duration_ms = 1;
  EXPECT_NE(PlanHash(other, 17, kTasks), base);
  other = config;
  other.busted = "fake_bug";
  EXPECT_NE(PlanHash(other, 17, kTasks), base);
}

}  // namespace
}  // namespace harness
