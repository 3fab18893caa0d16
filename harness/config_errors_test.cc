// Every sort of mistake in a config, and the exact lines it gets.
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "harness/config.h"
#include "harness/fake_catalog.h"

namespace harness {
namespace {

struct BadConfig {
  const char* text;
  const char* lines;  // joined by '\n'
};

class ConfigErrorsTest : public testing::TestWithParam<BadConfig> {
 protected:
  void SetUp() override { RegisterFakes(); }
};

TEST_P(ConfigErrorsTest, AreReportedLineByLine) {
  EXPECT_EQ(absl::StrJoin(ParseConfig(GetParam().text, {}).errors, "\n"),
            GetParam().lines)
      << GetParam().text;
}

constexpr BadConfig kDocument[] = {
    {"",
     "1:1: syntax error while parsing value - unexpected end of input; "
     "expected '[', '{', or a literal"},
    {"{\n  \"lru\": \n}",
     "3:1: syntax error while parsing value - unexpected '}'; expected '[', "
     "'{', or a literal"},
    {"[]", "(root): must be an object, not an array"},
    {"17", "(root): must be an object, not a number"},
    {"null", "(root): must be an object, not null"},
    {R"({"seed": 1, "seed": 2})", "/seed: duplicate key"},
    {R"({"topology": {"nids": 1, "nids": 1}})",
     "/topology/nids: duplicate key"},
    {R"({"faults": [{"at": "ref_put", "at": "ref_put", "delay_us": 1}]})",
     "/faults/0/at: duplicate key"},
};

constexpr BadConfig kKeys[] = {
    {R"({"sed": 1})", "/sed: unknown key 'sed' (did you mean 'seed'?)"},
    {R"({"durationms": 1})",
     "/durationms: unknown key 'durationms' (did you mean 'duration_ms'?)"},
    {R"({"zzzzzzzzzzzz": 1})",
     "/zzzzzzzzzzzz: unknown key 'zzzzzzzzzzzz' (one of: $schema, name, "
     "description, seed, duration_ms, lru, engine, busted, busted_after_ms, "
     "topology, model, actors, faults, require, stress, explore, on_finding, "
     "findings_max)"},
    {R"({"stress": {"a/b~": 1}})",
     "/stress/a~1b~0: unknown key 'a/b~' (one of: quiet_ms, stall_ms)"},
    {R"({"topology": {"nid": 1}})",
     "/topology/nid: unknown key 'nid' (did you mean 'nids'?)"},
    {R"({"stress": {"zzz": 1}})",
     "/stress/zzz: unknown key 'zzz' (one of: quiet_ms, stall_ms)"},
    {R"({"actors": [{"type": "adder", "pause": 3}]})",
     "/actors/0/pause: unknown key 'pause' (did you mean 'pause_us'?)"},
    {R"({"actors": [{"type": "adder", "xyz": 3}]})",
     "/actors/0/xyz: unknown key 'xyz' (one of: type, count, "
     "ops_per_schedule, pause_us, objects)"},
    {R"({"actors": [{"count": 3}]})", "/actors/0: missing key 'type'"},
    {R"({"faults": [{"delay_us": 1}]})", "/faults/0: missing key 'at'"},
    {R"({"faults": [{"at": "ref_put", "hold_until": {}}]})",
     "/faults/0/hold_until: missing key 'at'"},
    {R"({"faults": [{"at": "ref_put", "delay_us": {"min": 1}}]})",
     "/faults/0/delay_us: missing key 'max'"},
};

constexpr BadConfig kTypes[] = {
    {R"({"lru": 3})", "/lru: must be a string, not a number"},
    {R"({"lru": null})", "/lru: must be a string, not null"},
    {R"({"duration_ms": "10s"})",
     "/duration_ms: must be an integer in 1..604800000, not a string"},
    {R"({"duration_ms": true})",
     "/duration_ms: must be an integer in 1..604800000, not a boolean"},
    {R"({"topology": {"nids": 1.5}})",
     "/topology/nids: must be an integer in 1..16, not 1.5"},
    {R"({"topology": 2})", "/topology: must be an object, not a number"},
    {R"({"actors": {}})", "/actors: must be an array, not an object"},
    {R"({"actors": ["adder"]})", "/actors/0: must be an object, not a string"},
    {R"({"faults": [[]]})", "/faults/0: must be an object, not an array"},
    {R"({"faults": [{"at": "ref_put", "delay_us": "5"}]})",
     "/faults/0/delay_us: must be an integer in 0..10000000 or an object, not "
     "a string"},
    {R"({"require": {"operations": ["add"]}})",
     "/require/operations: must be an object, not an array"},
};

constexpr BadConfig kNumbers[] = {
    {R"({"duration_ms": 0})", "/duration_ms: 0 is out of range 1..604800000"},
    {R"({"duration_ms": 604800001})",
     "/duration_ms: 604800001 is out of range 1..604800000"},
    {R"({"topology": {"nids": 0, "lrus": 65, "memcgs": 513, "depth": 17,
         "objects": 1000001}})",
     "/topology/nids: 0 is out of range 1..16\n"
     "/topology/lrus: 65 is out of range 1..64\n"
     "/topology/memcgs: 513 is out of range 1..512\n"
     "/topology/depth: 17 is out of range 1..16\n"
     "/topology/objects: 1000001 is out of range 1..1000000"},
    {R"({"topology": {"lrus": 2, "irq_lrus": 3}})",
     "/topology/irq_lrus: there are no 3 lrus: /topology/lrus is 2"},
    {R"({"topology": {"nids": -1}})",
     "/topology/nids: -1 is out of range 1..16"},
    {R"({"topology": {"nids": 1e300}})",
     "/topology/nids: 1e+300 is out of range 1..16"},
    {R"({"topology": {"nids": -1e300}})",
     "/topology/nids: -1e+300 is out of range 1..16"},
    {R"({"seed": 9223372036854775808})",
     "/seed: 9223372036854775808 is out of range 0..9223372036854775807"},
    {R"({"seed": 99999999999999999999})",
     "/seed: 1e+20 is out of range 0..9223372036854775807"},
    {R"({"seed": -1})", "/seed: -1 is out of range 0..9223372036854775807"},
    {R"({"actors": []})",
     "/actors: there are none; without this key there are the standard ones"},
    {R"({"actors": [{"type": "adder", "count": 0}]})",
     "/actors/0/count: 0 is out of range 1..64"},
    {R"({"actors": [{"type": "adder", "count": 65}]})",
     "/actors/0/count: 65 is out of range 1..64"},
    {R"({"actors": [{"type": "adder", "count": 64},
         {"type": "adder", "count": 64}, {"type": "deleter", "count": 64},
         {"type": "deleter", "count": 9}]})",
     "/actors: 201 tasks in all; at most 200"},
    {R"({"findings_max": 0})", "/findings_max: 0 is out of range 1..64"},
    {R"({"faults": [{"at": "ref_put", "delay_us": 10000001}]})",
     "/faults/0/delay_us: 10000001 is out of range 0..10000000"},
    {R"({"faults": [{"at": "ref_put", "delay_us": 1, "one_in": 0,
         "interval": 0, "space": -1, "times": -2, "nth": -1, "nid": 16}]})",
     "/faults/0/one_in: 0 is out of range 1..1000000000\n"
     "/faults/0/interval: 0 is out of range 1..1000000000000\n"
     "/faults/0/space: -1 is out of range 0..1000000000000\n"
     "/faults/0/times: -2 is out of range -1..1000000000000\n"
     "/faults/0/nth: -1 is out of range 0..1000000000000\n"
     "/faults/0/nid: 16 is out of range -1..15"},
    {R"({"name": ""})", "/name: has 0 bytes; allowed are 1..64"},
    {R"({"name": "../x"})",
     "/name: '../x' must start with a letter or digit and go on with those, "
     "'.', '_' or '-'"},
};

constexpr BadConfig kNames[] = {
    {R"({"lru": "node_lok"})",
     "/lru: unknown lru 'node_lok' (did you mean 'node-lock'?)"},
    {R"({"engine": "stres"})",
     "/engine: unknown engine 'stres' (did you mean 'stress'?)"},
    {R"({"engine": "explore", "busted_after_ms": 5})",
     "/busted_after_ms: engine explore begins anew in each schedule (leave it "
     "out)"},
    {R"({"engine": "explore", "actors": [{"type": "adder", "count": 50},
         {"type": "adder", "count": 7}]})",
     "/actors: 57 tasks, but engine explore runs at most 56"},
    {R"({"busted": "fake_bag"})",
     "/busted: unknown control 'fake_bag' (did you mean 'fake_bug'?)"},
    {R"({"busted": "other_only"})",
     "/busted: control 'other_only' is for lru other-lock, not for "
     "'node-lock'"},
    {R"({"busted_after_ms": 500, "duration_ms": 500})",
     "/busted_after_ms: 500 is not before the end, /duration_ms 500: the "
     "control would never act"},
    {R"({"actors": [{"type": "addre"}]})",
     "/actors/0/type: unknown actor 'addre' (did you mean 'adder'?)"},
    {R"({"actors": [{"type": "adder", "objects": "mine"}]})",
     "/actors/0/objects: unknown kind of objects 'mine' (one of: own, shared, "
     "both)"},
    {R"({"require": {"operations": {"dell": 1}}})",
     "/require/operations/dell: unknown operation 'dell' (did you mean "
     "'del'?)"},
    {R"({"on_finding": "go"})",
     "/on_finding: unknown on_finding 'go' (one of: stop, continue)"},
    {R"({"explore": {"strategy": "pct3"}})",
     "/explore/strategy: unknown strategy 'pct3' (did you mean 'pct:3'?)"},
    {R"({"faults": [{"at": "ref_put", "delay_us": 1}, {"at": "ref_put",
         "delay_us": 1}, {"at": "ref_kiled", "delay_us": 1}]})",
     "/faults/2/at: unknown fault point 'ref_kiled' (did you mean "
     "'ref_killed'?)"},
    {R"({"faults": [{"at": "ref_put", "delay_us": 1, "actor": "wq-ofline"}]})",
     "/faults/0/actor: unknown actor 'wq-ofline' (did you mean "
     "'wq-offline'?)"},
};

constexpr BadConfig kFaults[] = {
    {R"({"faults": [{"at": "ref_put"}]})",
     "/faults/0: needs one of delay_us, hold_until, error and reclaim"},
    {R"({"faults": [{"at": "mlru_allocated", "delay_us": 1,
         "error": "ENOMEM"}]})",
     "/faults/0: has more than one of delay_us, hold_until, error and reclaim"},
    {R"({"faults": [{"at": "ref_killed", "error": "ENOMEM"}]})",
     "/faults/0/at: 'ref_killed' is not an error point (one of: "
     "memcg_allocated, ref_allocated, objcg_allocated, "
     "shrinker_info_allocated, id_allocated, mlru_allocated, xa_stored, "
     "lru_allocated, "
     "slab_allocated)"},
    {R"({"faults": [{"at": "mlru_allocated", "reclaim": false}]})",
     "/faults/0: needs one of delay_us, hold_until, error and reclaim"},
    {R"({"faults": [{"at": "mlru_allocated", "reclaim": true,
         "error": "ENOMEM"}]})",
     "/faults/0: has more than one of delay_us, hold_until, error and "
     "reclaim"},
    {R"({"faults": [{"at": "mlru_allocated", "reclaim": 1}]})",
     "/faults/0/reclaim: must be true or false, not a number"},
    {R"({"faults": [{"at": "ref_killed", "reclaim": true}]})",
     "/faults/0/at: 'ref_killed' allocates nothing (reclaim is for: "
     "memcg_allocated, ref_allocated, objcg_allocated, id_allocated, "
     "mlru_allocated, "
     "xa_stored, lru_allocated, slab_allocated)"},
    {R"({"faults": [{"at": "shrinker_info_allocated", "reclaim": true}]})",
     "/faults/0/at: 'shrinker_info_allocated' holds shrinker_mutex, which "
     "reclaim takes (reclaim is for: memcg_allocated, ref_allocated, "
     "objcg_allocated, "
     "id_allocated, mlru_allocated, xa_stored, lru_allocated, "
     "slab_allocated)"},
    {R"({"faults": [{"at": "a/b>spin_lock", "reclaim": true}]})",
     "/faults/0/at: 'a/b>spin_lock' allocates nothing (reclaim is for: "
     "memcg_allocated, ref_allocated, objcg_allocated, id_allocated, "
     "mlru_allocated, "
     "xa_stored, lru_allocated, slab_allocated)"},
    {R"({"faults": [{"at": "mlru_allocated", "error": "EIO"}]})",
     "/faults/0/error: unknown error 'EIO' (one of: ENOMEM)"},
    {R"({"faults": [{"at": "memcg_looked_up", "delay_us": 1,
         "delay": "sleep"}]})",
     "/faults/0/delay: 'memcg_looked_up' holds an RCU read section: nobody "
     "may sleep there (use 'spin')"},
    {R"({"faults": [{"at": "node_spliced", "delay_us": 1,
         "delay": "sleep"}]})",
     "/faults/0/delay: 'node_spliced' holds a spinlock: nobody may sleep "
     "there (use 'spin')"},
    {R"({"faults": [{"at": "ref_killed", "hold_until": {"at": "css_free"},
         "delay": "spin"}]})",
     "/faults/0/delay: only a fault with delay_us has it"},
    {R"({"faults": [{"at": "ref_killed", "delay_us": {"min": 5, "max": 4}}]})",
     "/faults/0/delay_us: min 5 is above max 4"},
    {R"({"faults": [{"at": "ref_killed", "delay_us": {"min": 1, "max": 4,
         "distribution": "loguniform"}}]})",
     "/faults/0/delay_us/distribution: unknown distribution 'loguniform' (did "
     "you mean 'log_uniform'?)"},
    {R"({"faults": [{"at": "list_lru_add/lock_list>spin_lok",
         "delay_us": 1}]})",
     "/faults/0/at: unknown operation 'spin_lok' after '>' (did you mean "
     "'spin_lock'?)"},
    {R"({"faults": [{"at": "list_lru_add>spin_lock", "delay_us": 1}]})",
     "/faults/0/at: 'list_lru_add>spin_lock' is no implicit point: write "
     "OUTER/FUNCTION>OP or OUTER/FUNCTION>OP:done"},
    {R"({"faults": [{"at": "a/b>spin_lock:done", "delay_us": 1,
         "delay": "sleep"}]})",
     "/faults/0/delay: 'a/b>spin_lock:done' holds a spinlock: nobody may "
     "sleep there (use 'spin')"},
    {R"({"faults": [{"at": "a/b>spin_lock", "error": "ENOMEM"}]})",
     "/faults/0/at: 'a/b>spin_lock' is not an error point (one of: "
     "memcg_allocated, ref_allocated, objcg_allocated, "
     "shrinker_info_allocated, id_allocated, mlru_allocated, xa_stored, "
     "lru_allocated, "
     "slab_allocated)"},
    {R"({"faults": [{"at": "ref_put", "hold_until": {"at": "a/b>load"}}]})",
     "/faults/0/hold_until/at: 'a/b>load' is an implicit point, and nobody "
     "can wait for one (see lrutorture list points)"},
};

// node-lock, the default, publishes no list here: any name will do.
constexpr BadConfig kImplicit[] = {
    {R"({"faults": [{"at": "any/thing>spin_lock", "delay_us": 1}]})", ""},
    {R"({"lru": "other-lock", "faults": [
         {"at": "list_lru_add/lock_list_lru>spin_lock", "delay_us": 1},
         {"at": "-/css_put>rmw:done", "delay_us": 1}]})",
     ""},
    {R"({"lru": "other-lock", "faults": [
         {"at": "list_lru_ad/lock_list_lru>spin_lock", "delay_us": 1},
         {"at": "list_lru_add/lock_list_lru>spin_unlock:done", "delay_us": 1},
         {"at": "css_put/css_put>rmw", "delay_us": 1},
         {"at": "nowhere_at_all/in_no_function>mutex_lock", "delay_us": 1}]})",
     "/faults/0/at: lru 'other-lock' has no implicit point "
     "'list_lru_ad/lock_list_lru>spin_lock' (did you mean "
     "'list_lru_add/lock_list_lru>spin_lock'?)\n"
     "/faults/1/at: lru 'other-lock' has no implicit point "
     "'list_lru_add/lock_list_lru>spin_unlock:done' (did you mean "
     "'list_lru_add/lock_list_lru>spin_lock:done'?)\n"
     "/faults/2/at: lru 'other-lock' has no implicit point "
     "'css_put/css_put>rmw' (did you mean '-/css_put>rmw'?)\n"
     "/faults/3/at: lru 'other-lock' has no implicit point "
     "'nowhere_at_all/in_no_function>mutex_lock' (see lrutorture list points "
     "--lru other-lock --implicit)"},
    {R"({"faults": [{"at": "-x/css_put>rmw", "delay_us": 1}]})",
     "/faults/0/at: '-x/css_put>rmw' is no implicit point: write "
     "OUTER/FUNCTION>OP or OUTER/FUNCTION>OP:done"},
};

// Errors of several steps come in the order of the document.
constexpr BadConfig kSeveral[] = {
    {R"({"faults": [{"at": "ref_put"}, {"at": "x_y_z_w", "delay_us": 1}],
         "lru": 3, "faults": [], "topology": {"nids": 0}, "engine": "explor",
         "nme": ""})",
     "/faults: duplicate key\n"
     "/faults/0: needs one of delay_us, hold_until, error and reclaim\n"
     "/faults/1/at: unknown fault point 'x_y_z_w'\n"
     "/lru: must be a string, not a number\n"
     "/topology/nids: 0 is out of range 1..16\n"
     "/engine: unknown engine 'explor' (did you mean 'explore'?)\n"
     "/nme: unknown key 'nme' (did you mean 'name'?)"},
};

#define LRUTORTURE_BAD(name) \
  INSTANTIATE_TEST_SUITE_P(name, ConfigErrorsTest, testing::ValuesIn(k##name))
LRUTORTURE_BAD(Document);
LRUTORTURE_BAD(Keys);
LRUTORTURE_BAD(Types);
LRUTORTURE_BAD(Numbers);
LRUTORTURE_BAD(Names);
LRUTORTURE_BAD(Faults);
LRUTORTURE_BAD(Implicit);
LRUTORTURE_BAD(Several);
#undef LRUTORTURE_BAD

TEST(ConfigErrorsLimitTest, NoMoreThanAHundredLines) {
  std::string text = "{";
  for (int i = 0; i < 5000; ++i) text += "\"k" + std::to_string(i) + "\":1,";
  text += "\"lru\":1}";
  ConfigErrors errors = ParseConfig(text, {}).errors;
  ASSERT_EQ(errors.size(), 101u);
  EXPECT_EQ(errors.back(), "(root): 4901 more errors");
}

TEST(ConfigErrorsLimitTest, AtMostSixtyFourFaults) {
  std::string fault = R"({"at": "ref_put", "delay_us": 1})";
  std::string text = fault;
  for (int i = 1; i < 64; ++i) text += "," + fault;
  EXPECT_TRUE(ParseConfig("{\"faults\": [" + text + "]}", {}).errors.empty());
  EXPECT_EQ(
      ParseConfig("{\"faults\": [" + text + "," + fault + "]}", {}).errors,
      ConfigErrors{"/faults: 65 elements; at most 64"});
}

}  // namespace
}  // namespace harness
