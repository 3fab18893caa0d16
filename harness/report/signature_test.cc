#include "harness/report/signature.h"

#include "gtest/gtest.h"

namespace harness {
namespace {

Frame At(const char* function, const char* file) { return {function, file, 1}; }

TEST(BaseNameTest, IsTheSameForEveryCompilersSpelling) {
  for (const char* spelling :
       {"list_lru_add", "lru::list_lru_add(lru::list_lru*, int)",
        "bool lru::list_lru_add<lru::NodeLock>(lru::list_lru*)",
        "lru::list_lru_add<lru::Steps<int> >(int) const",
        "lru::(anonymous namespace)::list_lru_add(int)",
        "lru::{anonymous}::list_lru_add",
        "lru::list_lru_add(int) [clone .cold]", "list_lru_add.isra.0",
        "list_lru_add.llvm.123456",
        "lru::list_lru_add(int)::$_0::operator()(int) const",
        "lru::list_lru_add(int)::{lambda(int)#1}::operator()(int) const",
        "lru::list_lru_add(int)::'lambda'(int)::__invoke(int)",
        "lru::list_lru_add(int)::{lambda(int)#1}::_FUN(int)"}) {
    EXPECT_EQ(BaseName(spelling), "list_lru_add") << spelling;
  }
  EXPECT_EQ(BaseName(""), "");
}

TEST(TopFunctionTest, PassesOverWhatNamesNoCause) {
  EXPECT_EQ(TopFunction({At("__interceptor_free", ""),
                         At("lru::kfree(void*)", "lru/sync/alloc.cc"),
                         At("list_del_init", "lru/list.h"),
                         At("busted::no_lock::take", "workloads/busted/x.cc"),
                         At("lru::list_lru_del(int)", "lru/node_lock.h"),
                         At("DeleterStep()", "workloads/actors/deleter.cc")}),
            "list_lru_del");
  EXPECT_EQ(TopFunction({At("main", "/elsewhere/main.cc")}), "");
}

// It reads what is another's, at a point of the function that it watches.
TEST(TopFunctionTest, AnOracleIsNobody) {
  EXPECT_EQ(TopFunction({At("list_empty", "lru/list.h"),
                         At("IsEmpty", "workloads/oracles/peek.h"),
                         At("OnUnlinked(lru::fault_point)",
                            "workloads/oracles/reparent.cc"),
                         At("CallObservers", "harness/hook.cc"),
                         At("lru::unlink_item(int)", "lru/list_lru_common.h")}),
            "unlink_item");
}

TEST(TopFunctionTest, GoesByScopeWhereNoFileIsKnown) {
  EXPECT_EQ(TopFunction({At("memcpy", ""), At("lru::css_free(void*)", "")}),
            "css_free");
}

SignatureInput Race(const char* first_title) {
  SignatureInput input;
  input.kind = Kind::kDataRace;
  input.type = "data-race";
  input.stacks = {
      {first_title, {At("memcg_reparent_list_lru_node", "lru/node_lock.cc")}},
      {"earlier read of size 8 by adder-0",
       {At("list_lru_add", "lru/node_lock.cc")}},
      {"heap block of 64 bytes allocated by main",
       {At("list_lru_init", "lru/node_lock.cc")}}};
  return input;
}

TEST(SignatureTest, DataRaceNamesTheSideWithoutALock) {
  EXPECT_EQ(MakeSignature(Race("write of size 8 by wq, holding no lock")),
            "data_race|data-race|memcg_reparent_list_lru_node");
}

TEST(SignatureTest, DataRaceBetweenLockHoldersNamesBothWhoeverCameFirst) {
  SignatureInput race = Race("write of size 8 by wq, holding nlru->lock");
  std::string expected =
      "data_race|data-race|list_lru_add,memcg_reparent_list_lru_node";
  EXPECT_EQ(MakeSignature(race), expected);
  std::swap(race.stacks[0].frames, race.stacks[1].frames);
  EXPECT_EQ(MakeSignature(race), expected);
}

TEST(SignatureTest, MemoryErrorNamesWhoFreedWhatNotWhoUsedIt) {
  SignatureInput input;
  input.kind = Kind::kMemoryError;
  input.type = "heap-use-after-free";
  for (const char* user : {"list_lru_add", "list_lru_walk_one"}) {
    input.stacks = {
        {"read of size 8 by adder-0", {At(user, "lru/node_lock.cc")}},
        {"freed by rcu", {At("free", ""), At("mlru_free", "lru/memcg.cc")}},
        {"allocated by main",
         {At("malloc", ""), At("mlru_alloc", "lru/memcg.cc")}}};
    EXPECT_EQ(MakeSignature(input),
              "memory_error|heap-use-after-free|mlru_free,mlru_alloc");
  }
}

TEST(SignatureTest, InvariantIsItsNameWhoeverNoticed) {
  SignatureInput input;
  input.invariant = "items_conserved";
  input.stacks = {{"", {At("list_lru_del", "lru/node_lock.cc")}}};
  EXPECT_EQ(MakeSignature(input), "invariant|items_conserved");
  input.type = "css_free,css_released";
  EXPECT_EQ(MakeSignature(input),
            "invariant|items_conserved|css_free,css_released");
}

TEST(SignatureTest, OtherKinds) {
  SignatureInput input;
  input.kind = Kind::kDeadlock;
  input.locks = {"cgroup_mutex", "list_lrus_mutex"};
  EXPECT_EQ(MakeSignature(input), "deadlock|cgroup_mutex,list_lrus_mutex");
  input.kind = Kind::kStall;
  input.operation = "shrink_slab";
  EXPECT_EQ(MakeSignature(input), "stall|shrink_slab");
  input.kind = Kind::kKilled;
  EXPECT_EQ(MakeSignature(input), "killed");
  input.kind = Kind::kCrash;
  input.type = "SIGSEGV";
  input.stacks = {{"", {At("list_lru_del", "lru/node_lock.cc")}}};
  EXPECT_EQ(MakeSignature(input), "crash|SIGSEGV|list_lru_del");
}

}  // namespace
}  // namespace harness
