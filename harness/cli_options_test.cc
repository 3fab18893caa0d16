#include "harness/cli_options.h"

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "harness/cli.h"

namespace harness {
namespace {

std::string Errors(const Args& args) {
  return absl::StrJoin(ParseArguments(CommandNamed("run"), args).errors, "\n");
}

TEST(ArgumentsTest, ValuesComeEitherWay) {
  Arguments parsed =
      ParseArguments(CommandNamed("run"),
                     {"--seed", "1", "c.json", "--duration=2s", "--json"});
  EXPECT_TRUE(parsed.errors.empty());
  EXPECT_EQ(parsed.Value("--seed"), "1");
  EXPECT_EQ(parsed.Value("--duration"), "2s");
  EXPECT_TRUE(parsed.Has("--json"));
  EXPECT_FALSE(parsed.Has("--quiet"));
  EXPECT_EQ(parsed.positionals, Args{"c.json"});
}

TEST(ArgumentsTest, SetMayBeRepeatedAndKeepsItsEquals) {
  Arguments parsed =
      ParseArguments(CommandNamed("run"), {"--set", "/a=b=c", "--set=/d=e"});
  ASSERT_EQ(parsed.options.size(), 2u);
  EXPECT_EQ(parsed.options[0].second, "/a=b=c");
  EXPECT_EQ(parsed.options[1].second, "/d=e");
}

TEST(ArgumentsTest, TwoDashesEndTheOptions) {
  Arguments parsed = ParseArguments(CommandNamed("run"), {"--", "--seed"});
  EXPECT_EQ(parsed.positionals, Args{"--seed"});
}

TEST(ArgumentsTest, OnlyShowHasAShortOption) {
  Arguments parsed =
      ParseArguments(CommandNamed("show"), {"r.json", "-o", "-"});
  EXPECT_EQ(parsed.Value("--output"), "-");
  EXPECT_EQ(Errors({"-o", "x"}).substr(0, 29), "-o: unknown option of 'run' (");
}

TEST(ArgumentsTest, AllErrorsAtOnce) {
  EXPECT_EQ(Errors({"--sed", "--seed=1", "--seed", "2", "--quiet=1", "a", "b",
                    "--out"}),
            "--sed: unknown option of 'run' (did you mean '--seed'?)\n"
            "--seed: given twice\n"
            "--quiet: takes no value\n"
            "--out: needs a value, DIR\n"
            "run: unexpected argument 'b'");
}

TEST(ArgumentsTest, AbbreviationsAreNotAccepted) {
  EXPECT_EQ(Errors({"--dur=1s"}),
            "--dur: unknown option of 'run' (did you mean '--duration'?)");
}

std::string NumberError(const std::string& text) {
  auto number = ParseNumber(text, 1, 100);
  return number.ok() ? "" : std::string(number.status().message());
}

TEST(ValuesTest, Numbers) {
  EXPECT_EQ(*ParseNumber("100", 1, 100), 100u);
  EXPECT_EQ(NumberError("0"), "'0' is out of range 1..100");
  EXPECT_EQ(NumberError("101"), "'101' is out of range 1..100");
  EXPECT_EQ(NumberError("-1"), "'-1' is out of range 1..100");
  EXPECT_EQ(NumberError("99999999999999999999999"),
            "'99999999999999999999999' is out of range 1..100");
  for (const char* text : {"", "-", "1x", " 1", "1 ", "+1", "0x1", "1.0"}) {
    EXPECT_EQ(NumberError(text), "'" + std::string(text) + "' is not a number");
  }
}

std::string DurationError(const std::string& text) {
  auto ms = ParseDurationMs(text);
  return ms.ok() ? "" : std::string(ms.status().message());
}

TEST(ValuesTest, Durations) {
  EXPECT_EQ(*ParseDurationMs("500ms"), 500u);
  EXPECT_EQ(*ParseDurationMs("10s"), 10'000u);
  EXPECT_EQ(*ParseDurationMs("2m"), 120'000u);
  EXPECT_EQ(*ParseDurationMs("2min"), 120'000u);
  EXPECT_EQ(*ParseDurationMs("1h"), 3'600'000u);
  EXPECT_EQ(*ParseDurationMs("7d"), 604'800'000u);
  for (const char* text : {"", "10", "s", "-1s", "10x", "10 s", "1ss", "1.5",
                           ".5s", "1.s", ".s", "1.5.5s", "1,5s", "1e3s"}) {
    EXPECT_EQ(DurationError(text),
              "'" + std::string(text) +
                  "' is no duration (write 500ms, 1.5s, 2m, 1h or 7d)");
  }
  EXPECT_FALSE(ParseDurationMs("9223372036854775807d").ok());
  EXPECT_FALSE(ParseDurationMs("99999999999999999999s").ok());
}

TEST(ValuesTest, DurationsMayHaveADecimalPoint) {
  EXPECT_EQ(*ParseDurationMs("1.5s"), 1500u);
  EXPECT_EQ(*ParseDurationMs("0.001s"), 1u);
  EXPECT_EQ(*ParseDurationMs("2.0ms"), 2u);
  EXPECT_EQ(*ParseDurationMs("0.25m"), 15'000u);
  EXPECT_EQ(*ParseDurationMs("1.5h"), 5'400'000u);
  // 86,400,000 is 2^10 * 84,375.
  EXPECT_EQ(*ParseDurationMs("0.0009765625d"), 84'375u);
  EXPECT_EQ(*ParseDurationMs("1.50000000000000000000000000s"), 1500u);
  for (const char* text :
       {"0.5ms", "1.0005s", "0.00048828125d", "0.0000000000000000001d",
        "0.33333333333333333333333333333333m"}) {
    EXPECT_EQ(DurationError(text),
              "'" + std::string(text) + "' is no whole number of milliseconds");
  }
}

TEST(ValuesTest, SeedRanges) {
  EXPECT_EQ(ParseSeedRange("3..5")->first, 3u);
  EXPECT_EQ(ParseSeedRange("3..5")->last, 5u);
  EXPECT_TRUE(ParseSeedRange("3..3").ok());
  for (const char* text : {"", "3", "5..3", "..", "1..", "..1", "a..b", "-1..1",
                           "1...2", "0..9223372036854775808"}) {
    EXPECT_FALSE(ParseSeedRange(text).ok()) << text;
  }
}

TEST(ValuesTest, Shards) {
  EXPECT_EQ(ParseShard("2/3")->index, 2u);
  EXPECT_EQ(ParseShard("2/3")->count, 3u);
  for (const char* text : {"", "2", "0/3", "4/3", "1/0", "/", "a/b", "1/2/3",
                           "-1/2", "1/99999999"}) {
    EXPECT_FALSE(ParseShard(text).ok()) << text;
  }
}

TEST(ShellQuoteTest, OnlyWhereNeeded) {
  EXPECT_EQ(ShellQuote("/a/b-c=1,2"), "/a/b-c=1,2");
  EXPECT_EQ(ShellQuote(""), "''");
  EXPECT_EQ(ShellQuote("a b"), "'a b'");
  EXPECT_EQ(ShellQuote("it's"), "'it'\\''s'");
}

}  // namespace
}  // namespace harness
