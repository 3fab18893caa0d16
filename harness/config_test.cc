#include "harness/config.h"

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "harness/fake_catalog.h"
#include "nlohmann/json.hpp"

namespace harness {
namespace {

using Overrides = std::vector<std::pair<std::string, std::string>>;

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override { RegisterFakes(); }
};

Config MustParse(const std::string& text, const Overrides& overrides = {}) {
  ParsedConfig parsed = ParseConfig(text, overrides);
  EXPECT_EQ(absl::StrJoin(parsed.errors, "\n"), "");
  return parsed.config;
}

std::string Warnings(const std::string& text) {
  ParsedConfig parsed = ParseConfig(text, {});
  EXPECT_EQ(absl::StrJoin(parsed.errors, "\n"), "");
  return absl::StrJoin(parsed.warnings, "\n");
}

std::string OverrideErrors(const std::string& pointer,
                           const std::string& value) {
  return absl::StrJoin(
      ParseConfig(
          R"({"seed": 1, "faults": [{"at": "ref_put", "delay_us": 1}]})",
          {{pointer, value}})
          .errors,
      "\n");
}

constexpr char kFull[] = R"({
  // Comments are for users' files.
  "$schema": "anything", "name": "full-1.2", "description": "d \u00e9",
  "seed": 9223372036854775807, "duration_ms": 1e4, "lru": "other-lock",
  "engine": "stress", "busted": "other_only", "busted_after_ms": 7,
  "topology": {"nids": 16, "lrus": 64, "memcgs": 512, "depth": 16,
               "objects": 1000000, "slab_reuse": "immediate"},
  "actors": [{"type": "adder", "count": 3, "pause_us": 7, "objects": "own",
              "ops_per_schedule": 5},
             {"type": "adder", "objects": "shared"}],
  "faults": [
    {"at": "ref_killed", "delay_us": 5, "delay": "yield", "one_in": 4,
     "interval": 3, "space": 10, "times": 100, "nth": 2,
     "actor": "rcu-callbacks", "nid": 1, "depth": 2},
    {"at": "css_free", "delay_us": {"max": 9, "distribution": "uniform"}},
    {"at": "css_free", "hold_until": {"at": "id_removed", "timeout_us": 3}},
    {"at": "xa_stored", "error": "ENOMEM"},
    {"at": "memcg_allocated", "reclaim": true},
    {"at": "list_lru_add/f>rcu_read_lock:done", "delay_us": 0}],
  "require": {"teardowns": 5, "operations": {"add": 1, "del": 2},
              "coverage": {"percent": 90, "stages": ["id_put", "css_free"],
                           "operations": ["fake_add"]}},
  "stress": {"quiet_ms": 0, "stall_ms": 700},
  "explore": {"strategy": "pct:3", "schedules": 4, "steps_max": 5},
  "on_finding": "continue", "findings_max": 64})";

TEST_F(ConfigTest, EveryKeyIsRead) {
  Config config = MustParse(kFull);
  EXPECT_EQ(config.name, "full-1.2");
  EXPECT_EQ(config.seed, 9223372036854775807u);
  EXPECT_EQ(config.duration_ms, 10'000u);
  EXPECT_EQ(config.busted, "other_only");
  EXPECT_EQ(config.busted_after_ms, 7u);
  EXPECT_EQ(config.topology.objects, 1'000'000u);
  EXPECT_EQ(config.topology.slab_reuse, SlabReuse::kImmediate);
  ASSERT_EQ(config.actors.size(), 2u);
  EXPECT_EQ(config.actors[0].pause_us, 7u);
  EXPECT_EQ(config.actors[1].objects, Objects::kShared);
  EXPECT_EQ(config.actors[1].count, 1u);
  EXPECT_EQ(config.require.operations.at("del"), 2u);
  EXPECT_EQ(config.require.coverage.percent, 90u);
  EXPECT_EQ(config.require.coverage.stages,
            (std::vector<std::string>{"id_put", "css_free"}));
  EXPECT_EQ(config.require.coverage.operations,
            std::vector<std::string>{"fake_add"});
  EXPECT_EQ(config.quiet_ms, 0u);
  EXPECT_EQ(config.stall_ms, 700u);
  EXPECT_EQ(config.strategy, "pct:3");
  EXPECT_FALSE(config.stop_on_finding);
}

TEST_F(ConfigTest, EveryKindOfFaultIsRead) {
  std::vector<Fault> faults = MustParse(kFull).faults;
  ASSERT_EQ(faults.size(), 6u);
  EXPECT_EQ(faults[0].at, lru::FP_ref_killed);
  EXPECT_EQ(faults[0].delay->min_us, 5u);
  EXPECT_EQ(faults[0].delay->max_us, 5u);
  EXPECT_EQ(faults[0].how, DelayHow::kYield);
  EXPECT_EQ(faults[0].actor, "rcu-callbacks");
  EXPECT_EQ(faults[0].times, 100);
  EXPECT_EQ(faults[1].delay->min_us, 0u);
  EXPECT_EQ(faults[1].delay->distribution, Distribution::kUniform);
  EXPECT_EQ(faults[2].hold->at, lru::FP_id_removed);
  EXPECT_EQ(faults[2].hold->timeout_us, 3u);
  EXPECT_TRUE(faults[3].enomem);
  EXPECT_FALSE(faults[3].reclaim);
  EXPECT_TRUE(faults[4].reclaim);
  EXPECT_FALSE(faults[4].enomem);
  EXPECT_EQ(faults[5].at, lru::NR_FAULT_POINTS);
  EXPECT_EQ(faults[5].implicit, "list_lru_add/f>rcu_read_lock:done");
}

TEST_F(ConfigTest, CoverageIsAPercentageOrSaysOfWhat) {
  auto coverage = [](const std::string& json) {
    return MustParse("{\"require\": {\"coverage\": " + json + "}}")
        .require.coverage;
  };
  EXPECT_EQ(MustParse("{}").require.coverage.percent, 0u);
  EXPECT_EQ(coverage("95").percent, 95u);
  EXPECT_EQ(coverage("{}").percent, 100u) << "all of them";
  EXPECT_EQ(coverage(R"({"stages": ["id_put"]})").percent, 100u);
  auto errors = [](const std::string& json) {
    return absl::StrJoin(
        ParseConfig("{\"require\": {\"coverage\": " + json + "}}", {}).errors,
        "\n");
  };
  EXPECT_EQ(errors("101"), "/require/coverage: 101 is out of range 0..100");
  EXPECT_EQ(errors("true"),
            "/require/coverage: must be an integer in 0..100 or an object, "
            "not a boolean");
  EXPECT_EQ(errors(R"({"stages": ["id_putt"]})"),
            "/require/coverage/stages/0: unknown stage 'id_putt' (did you "
            "mean 'id_put'?)");
  EXPECT_EQ(Warnings(R"({"require": {"coverage": {"stages": ["xa_stored"]}}})"),
            "/require/coverage/stages/0: 'xa_stored' is no stage of lru "
            "'node-lock' (see lrutorture list points --lru node-lock)");
  EXPECT_EQ(errors(R"({"operations": ["fake_ad"]})"),
            "/require/coverage/operations/0: unknown operation 'fake_ad' (did "
            "you mean 'fake_add'?)");
}

TEST_F(ConfigTest, JsonRoundTrips) {
  for (std::string text : {"{}", kFull}) {
    std::string once = ToJson(MustParse(text)).dump(2);
    EXPECT_EQ(ToJson(MustParse(once)).dump(2), once);
  }
}

TEST_F(ConfigTest, AnEmptyConfigHasTheStandardActors) {
  std::vector<std::string> actors;
  for (const ActorSpec& spec : MustParse("{}").actors) {
    actors.push_back(spec.type + " " + std::to_string(spec.count));
  }
  EXPECT_EQ(absl::StrJoin(actors, ", "),
            "adder 2, deleter 2, shrinker 1, destroyer 2");
}

TEST_F(ConfigTest, OverridesChangeAddAndAppend) {
  Config config =
      MustParse(R"({"faults": [{"at": "ref_put", "delay_us": 1}]})",
                {{"/topology/nids", "4"},
                 {"/faults/0/one_in", "9"},
                 {"/faults/-", R"({"at": "css_free", "delay_us": {"max": 2}})"},
                 {"/faults/-/at", "xa_stored"},
                 {"/faults/2/error", "ENOMEM"},
                 {"/actors/-/type", "adder"},
                 {"/lru", "other-lock"},
                 {"/seed", "1"},
                 {"/seed", "2"}});
  EXPECT_EQ(config.topology.nids, 4u);
  ASSERT_EQ(config.faults.size(), 3u);
  EXPECT_EQ(config.faults[0].one_in, 9u);
  EXPECT_EQ(config.faults[1].delay->max_us, 2u);
  EXPECT_TRUE(config.faults[2].enomem);
  EXPECT_EQ(config.actors.size(), 1u);
  EXPECT_EQ(config.lru, "other-lock");
  EXPECT_EQ(config.seed, 2u) << "the last one wins";
}

TEST_F(ConfigTest, ABadOverrideNamesItsPointer) {
  EXPECT_EQ(OverrideErrors("seed", "1"),
            "seed: --set: not a JSON pointer (like /topology/nids)");
  EXPECT_EQ(OverrideErrors("", "1"),
            "(root): --set: not a JSON pointer (like /topology/nids)");
  EXPECT_EQ(OverrideErrors("/a~2", "1"),
            "/a~2: --set: not a JSON pointer (like /topology/nids)");
  EXPECT_EQ(OverrideErrors("/faults/1/at", "ref_put"),
            "/faults/1/at: --set: no element 1, there are 1; '-' appends");
  EXPECT_EQ(OverrideErrors("/faults/00", "1"),
            "/faults/00: --set: '00' is no array index; '-' appends");
  EXPECT_EQ(OverrideErrors("/faults/99999999999999999999", "1"),
            "/faults/99999999999999999999: --set: no element "
            "99999999999999999999, there are 1; '-' appends");
  EXPECT_EQ(OverrideErrors("/seed/x", "1"),
            "/seed/x: --set: there is nothing inside a number");
  EXPECT_EQ(OverrideErrors("/topology", "{\"nids\": 1, \"nids\": 2}"),
            "/topology: --set: value: /nids: duplicate key");
  EXPECT_NE(OverrideErrors("/topology", "{\"nids\": }"), "");
  EXPECT_EQ(OverrideErrors("/name", "\xff"), "/name: --set: value: not UTF-8");
}

TEST_F(ConfigTest, OverriddenValuesAreCheckedLikeTheFiles) {
  EXPECT_EQ(OverrideErrors("/topology/nids", "0"),
            "/topology/nids: 0 is out of range 1..16");
  EXPECT_EQ(OverrideErrors("/topologie/nids", "1"),
            "/topologie: unknown key 'topologie' (did you mean 'topology'?)");
  EXPECT_EQ(OverrideErrors("/lru", ""),
            "/lru: unknown lru '' (one of: node-lock, other-lock, FILE.so)");
}

TEST_F(ConfigTest, WarnsOfWhatCanHaveNoEffect) {
  EXPECT_EQ(Warnings(R"({"engine": "explore", "on_finding": "continue"})"),
            "/on_finding: engine explore ends with the first finding");
  EXPECT_EQ(
      Warnings(R"({"faults": [{"at": "dead_list_seen", "delay_us": 1}]})"),
      "/faults/0/at: lru 'node-lock' never reaches 'dead_list_seen'");
  EXPECT_EQ(Warnings(R"({"lru": "other-lock", "faults": [
                {"at": "dead_list_seen", "delay_us": 1}]})"),
            "");
  EXPECT_EQ(Warnings(R"({"actors": [{"type": "adder"}], "topology": {"nids": 1,
        "depth": 1}, "faults": [{"at": "ref_put", "delay_us": 1,
        "actor": "deleter", "nid": 1, "depth": 2}]})"),
            "/faults/0/actor: this config has no 'deleter'\n"
            "/faults/0/nid: there is no node 1: topology.nids is 1\n"
            "/faults/0/depth: there is no memcg so deep: topology.depth is 1");
  EXPECT_EQ(Warnings(R"({"faults": [{"at": "css_dying_set", "hold_until":
                {"at": "list_marked_dead", "timeout_us": 10000000}}]})"),
            "/faults/0/hold_until/at: lru 'node-lock' never reaches "
            "'list_marked_dead'\n"
            "/faults/0/hold_until/timeout_us: 10000000 us is as long as "
            "stall_ms 5000: the hold may be taken for a stall");
}

TEST_F(ConfigTest, WarnsOfAHoldThatKeepsOutWhatItWaitsFor) {
  auto hold = [](const char* at, const char* until) {
    return Warnings(std::string("{\"faults\": [{\"at\": \"") + at +
                    "\", \"hold_until\": {\"at\": \"" + until + "\"}}]}");
  };
  EXPECT_EQ(hold("memcg_looked_up", "css_released"),
            "/faults/0/hold_until/at: 'css_released' comes a grace period "
            "after the last lookup of the memcg, and 'memcg_looked_up' holds "
            "an RCU read section: it can never come within that section, the "
            "hold ends by its timeout");
  EXPECT_NE(hold("item_linked", "css_free"), "");
  EXPECT_NE(hold("a/b>rcu_read_lock:done", "css_free"), "");
  EXPECT_EQ(hold("memcg_looked_up", "lists_drained"), "")
      << "the lookup may come after the grace period before offline";
  EXPECT_EQ(hold("isolate_unlocked", "css_released"), "") << "holds nothing";
}

TEST_F(ConfigTest, TheSchemaKnowsEveryKeyOfTheEffectiveConfig) {
  nlohmann::ordered_json schema = ConfigSchema();
  EXPECT_EQ(schema["$id"], "lrutorture:config:1");
  EXPECT_EQ(schema["additionalProperties"], false);
  nlohmann::ordered_json config = ToJson(MustParse(kFull));
  for (const auto& [key, value] : config.items()) {
    EXPECT_TRUE(schema["properties"].contains(key)) << key;
    EXPECT_TRUE(schema["properties"][key].contains("description")) << key;
  }
  auto& fault = schema["properties"]["faults"]["items"];
  EXPECT_EQ(fault["required"].dump(), R"(["at"])");
  EXPECT_EQ(fault["additionalProperties"], false);
  EXPECT_EQ(fault["properties"]["error"]["enum"].dump(), R"(["ENOMEM"])");
  EXPECT_EQ(fault["properties"]["reclaim"]["type"], "boolean");
  EXPECT_EQ(schema["properties"]["topology"]["properties"]["nids"].dump(),
            R"({"description":"NUMA nodes.","default":2,"type":"integer",)"
            R"("minimum":1,"maximum":16})");
}

TEST(NearestTest, SuggestsWhatIsNear) {
  std::vector<std::string> names = {"adder", "deleter", "node-lock"};
  EXPECT_EQ(Nearest("ader", names), "adder");
  EXPECT_EQ(Nearest("daeder", names), "adder");
  EXPECT_EQ(Nearest("Node_Lock", names), "node-lock");
  EXPECT_EQ(Nearest("del", names), "deleter") << "cut short";
  EXPECT_EQ(Nearest("shrinker", names), "");
  EXPECT_EQ(Nearest("", names), "");
  EXPECT_EQ(Nearest(std::string(1'000'000, 'a'), names), "");
  EXPECT_EQ(DidYouMean("ader", names), " (did you mean 'adder'?)");
  EXPECT_EQ(DidYouMean("shrinker", names), "");
}

}  // namespace
}  // namespace harness
