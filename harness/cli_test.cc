// Every command but `run`.
#include "harness/cli_test_util.h"
#include "nlohmann/json.hpp"

namespace harness {
namespace {

TEST_F(CliTest, HelpAndVersion) {
  EXPECT_EQ(Run({"--version"}).out.substr(0, 11), "lrutorture ");
  for (const Args& args : {Args{"help"}, Args{"--help"}, Args{"-h"}}) {
    Result result = Run(args);
    EXPECT_EQ(result.code, 0);
    EXPECT_NE(result.out.find("INCONCLUSIVE"), std::string::npos);
  }
  for (const CommandSpec& command : Commands()) {
    Result result = Run({command.name, "--help"});
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.out, Run({"help", command.name}).out);
    EXPECT_NE(result.out.find("Examples:"), std::string::npos);
    for (const OptionSpec& option : command.options) {
      EXPECT_NE(result.out.find(option.name), std::string::npos);
    }
  }
}

TEST_F(CliTest, WrongCommands) {
  EXPECT_EQ(Run({"rnu"}).err, "unknown command 'rnu' (did you mean 'run'?)\n");
  EXPECT_EQ(Run({"xyzzy"}).err,
            "unknown command 'xyzzy' (see lrutorture help)\n");
  EXPECT_EQ(Run({"--quiet"}).err,
            "unknown option '--quiet' (see lrutorture help)\n");
  EXPECT_EQ(Run({"minimize", "r.json"}).err,
            "'minimize' is planned; this build does not have it yet\n");
  EXPECT_EQ(Run({"help", "rnu"}).err,
            "unknown command 'rnu' (did you mean 'run'?)\n");
  for (const char* name : {"rnu", "xyzzy", "replay", "--quiet"}) {
    EXPECT_EQ(Run({name}).code, 2);
  }
  Result nothing = Run({});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_EQ(nothing.out, "");
}

TEST_F(CliTest, CheckSaysOkOrEveryError) {
  Result result = Run({"check", "configs/teardown.json"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "ok\n");
  EXPECT_EQ(result.err, "");
  Write("bad.json", R"({"lru": 3, "topology": {"nids": 0}})");
  result = Run({"check", "bad.json"});
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "/lru: must be a string, not a number\n"
            "/topology/nids: 0 is out of range 1..16\n");
  Write("syntax.json", "{\n  x");
  EXPECT_EQ(Run({"check", "syntax.json"}).err.substr(0, 17),
            "syntax.json:2:3: ");
  EXPECT_EQ(Run({"check"}).err, "check: needs CONFIG|SUITE.list\n");
  EXPECT_EQ(Run({"check", "bad.json", "--set", "/lru=node-lock", "--set",
                 "/topology/nids=1"})
                .out,
            "ok\n");
}

TEST_F(CliTest, ListPointsComeInTheOrderOfDeclaration) {
  std::string out = Run({"list", "points"}).out;
  EXPECT_EQ(out.substr(0, 5), "name ");
  EXPECT_LT(out.find("\ncss_dying_set "), out.find("\nref_killed "));
  EXPECT_NE(out.find("\nmlru_allocated "), std::string::npos);
  EXPECT_NE(out.find(" error "), std::string::npos);
}

TEST_F(CliTest, ListPointsOfAnLruHasItsStagesFirst) {
  auto rows = nlohmann::json::parse(
      Run({"list", "points", "--lru", "node-lock", "--json"}).out);
  ASSERT_GT(rows.size(), 8u);
  EXPECT_EQ(rows[2]["name"], "kill_confirmed");
  EXPECT_EQ(rows[2]["stage"], "3");
  EXPECT_EQ(rows[2]["since"], "RCU after ref_killed");
  EXPECT_EQ(rows[6]["since"],
            "RCU after id_put (unless model.id_release is offline)");
  EXPECT_EQ(rows[4]["per"], "list");
  EXPECT_EQ(rows[7]["name"], "css_free");
  EXPECT_FALSE(rows[8].contains("stage"));
  EXPECT_EQ(rows.size(), size_t{lru::NR_FAULT_POINTS} - 2) << "2 are absent";
  for (const auto& row : rows) EXPECT_NE(row["name"], "dead_list_seen");
}

TEST_F(CliTest, ListPointsImplicit) {
  EXPECT_EQ(Run({"list", "points", "--lru", "other-lock", "--implicit"}).out,
            "name\n"
            "-/css_put>rmw\n"
            "list_lru_add/f>rcu_read_lock\n"
            "list_lru_add/lock_list_lru>spin_lock\n");
  auto rows = nlohmann::json::parse(
      Run({"list", "points", "--lru", "other-lock", "--implicit", "--json"})
          .out);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[2]["name"], "list_lru_add/lock_list_lru>spin_lock");
  EXPECT_EQ(rows[2]["outer"], "list_lru_add");
  EXPECT_EQ(rows[2]["function"], "lock_list_lru");
  EXPECT_EQ(rows[2]["operation"], "spin_lock");
  EXPECT_EQ(Run({"list", "points", "--lru", "node-lock", "--implicit"}).out,
            "name\n");
}

TEST_F(CliTest, EveryNounListsObjectsWithNames) {
  for (const char* noun : {"points", "lrus", "busted", "actors", "invariants",
                           "strategies", "configs"}) {
    Result text = Run({"list", noun});
    EXPECT_EQ(text.code, 0);
    EXPECT_EQ(text.out.substr(0, 4), "name");
    auto rows = nlohmann::json::parse(Run({"list", noun, "--json"}).out);
    ASSERT_FALSE(rows.empty()) << noun;
    for (const auto& row : rows) {
      EXPECT_TRUE(row["name"].is_string()) << noun;
      EXPECT_NE(text.out.find(row["name"].get<std::string>()),
                std::string::npos);
    }
  }
}

TEST_F(CliTest, ListSuppressionsIsAnArrayEvenWhenThereIsNone) {
  Result text = Run({"list", "suppressions"});
  EXPECT_EQ(text.code, 0);
  EXPECT_EQ(text.out.substr(0, 4), "name");
  EXPECT_TRUE(nlohmann::json::parse(Run({"list", "suppressions", "--json"}).out)
                  .is_array());
}

TEST_F(CliTest, ListedStrategiesAreFitForAConfig) {
  auto rows = nlohmann::json::parse(Run({"list", "strategies", "--json"}).out);
  EXPECT_EQ(rows.size(), 4u);
  for (const auto& row : rows) {
    EXPECT_EQ(Run({"check", "configs/teardown.json", "--set",
                   "/explore/strategy=" + row["example"].get<std::string>()})
                  .out,
              "ok\n");
  }
}

TEST_F(CliTest, ExplainKnowsWhateverHasAName) {
  struct {
    const char* name;
    const char* part;
  } kCases[] = {
      {"no_leak", "Invariant no_leak\n\nNothing stays behind.\n"},
      {"no_leak", "Controls that break it\n  fake_bug\n"},
      {"no_leak", "Example\n  lrutorture run --busted fake_bug\n"},
      {"kill_confirmed", "Stage 3 of 8 of a teardown on node-lock, once for"},
      {"kill_confirmed", "lies between ref_killed and this."},
      {"objcgs_reparented", "From here on no"},
      {"memcg_looked_up", "RCU is held there"},
      {"memcg_looked_up", "On node-lock begins: fake_add."},
      {"dead_list_seen", "Lru node-lock never reaches it.\n"},
      {"mlru_allocated", R"({"at": "mlru_allocated", "error": "ENOMEM")"},
      {"adder", R"({"type": "adder", "count": 2})"},
      {"fake_bug", "  one task    another\n  looks       leaps\n"},
      {"fake_bug", "  release: invariant no_leak\n"},
      {"fake_bug", "lrutorture run --busted fake_bug\n"},
      {"other-lock", "Lru other-lock\n\nAnother lock.\n"},
      {"fake_add",
       "it begins at memcg_looked_up and is under way at "
       "item_linked."},
      {"locked_after_splice", "Near miss locked_after_splice\n"},
      {"pct:D", R"("strategy": "pct:3")"},
  };
  for (const auto& c : kCases) {
    Result result = Run({"explain", c.name});
    EXPECT_EQ(result.code, 0) << c.name;
    EXPECT_NE(result.out.find(c.part), std::string::npos) << c.part << "\n"
                                                          << result.out;
  }
}

TEST_F(CliTest, ExplainSuggestsTheNearestName) {
  Result result = Run({"explain", "kil_confirmed"});
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "explain: unknown name 'kil_confirmed' (did you mean "
            "'kill_confirmed'?)\n");
  EXPECT_EQ(Run({"explain", "xyzzyxyzzy"}).err,
            "explain: unknown name 'xyzzyxyzzy' (see lrutorture list)\n");
  EXPECT_EQ(Run({"explain"}).err, "explain: needs NAME\n");
}

// What is listed can be asked about.
TEST_F(CliTest, ExplainKnowsEveryNameThatIsListed) {
  for (const char* noun :
       {"points", "lrus", "busted", "actors", "invariants", "strategies"}) {
    auto rows = nlohmann::json::parse(Run({"list", noun, "--json"}).out);
    for (const auto& row : rows) {
      EXPECT_EQ(Run({"explain", row["name"].get<std::string>()}).code, 0)
          << row["name"];
    }
  }
}

TEST_F(CliTest, ListConfigsShowsNamesAndDescriptions) {
  Write("configs/a.list", "# A suite.\nteardown.json\n");
  Write("configs/busted/b.json", R"({"name": "bb", "description": "B."})");
  Write("configs/c.json", "{");
  EXPECT_EQ(Run({"list", "configs"}).out,
            "name      path                   description\n"
            "a.list    configs/a.list         A suite.\n"
            "bb        configs/busted/b.json  B.\n"
            "c         configs/c.json         (not valid: see lrutorture "
            "check)\n"
            "teardown  configs/teardown.json  The default.\n");
}

TEST_F(CliTest, WrongListings) {
  EXPECT_EQ(Run({"list", "point"}).err,
            "list: unknown noun 'point' (did you mean 'points'?)\n");
  EXPECT_EQ(Run({"list", "points", "--lru", "nodelock"}).err,
            "--lru: unknown lru 'nodelock' (did you mean 'node-lock'?)\n");
  EXPECT_EQ(Run({"list", "actors", "--lru", "node-lock"}).err,
            "--lru: only `list points` has it\n");
  EXPECT_EQ(Run({"list", "actors", "--implicit"}).err,
            "--implicit: only `list points` has it\n");
  EXPECT_EQ(Run({"list", "points", "--implicit"}).err,
            "--implicit: needs --lru\n");
  EXPECT_EQ(Run({"list"}).code, 2);
}

TEST_F(CliTest, SchemasAreJson) {
  for (const char* which : {"config", "report"}) {
    Result result = Run({"schema", which});
    EXPECT_EQ(result.code, 0);
    EXPECT_TRUE(nlohmann::json::accept(result.out));
  }
  EXPECT_EQ(Run({"schema", "confg"}).err,
            "schema: unknown schema 'confg' (did you mean 'config'?)\n");
}

TEST_F(CliTest, ShowRefusesWhatIsNoReport) {
  struct {
    const char* text;
    const char* err;
  } kCases[] = {
      {"[]", "r.json: not a report: an array\n"},
      {"{}", "r.json: not a report: it has no `verdict`\n"},
      {R"({"verdict": 1})", "r.json: not a report: it has no `verdict`\n"},
      {R"({"verdict": "PASS"})", "r.json: not a report: it has no `schema`\n"},
      {R"({"a": 1, "a": 1})", "r.json: /a: duplicate key\n"},
  };
  for (const auto& c : kCases) {
    Write("r.json", c.text);
    Result result = Run({"show", "r.json"});
    EXPECT_EQ(result.code, 2);
    EXPECT_EQ(result.err, c.err);
  }
  EXPECT_EQ(Run({"show", "none.json"}).err,
            "none.json: No such file or directory\n");
  EXPECT_EQ(Run({"show", "r.json", "--format", "html"}).err,
            "--format: 'html' is planned; this build has 'text' only\n");
  EXPECT_EQ(Run({"show", "r.json", "--format", "txt"}).err,
            "--format: unknown format 'txt' (did you mean 'text'?)\n");
  EXPECT_EQ(Run({"show"}).err, "show: needs REPORT.json\n");
}

}  // namespace
}  // namespace harness
