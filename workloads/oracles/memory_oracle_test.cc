// rcu_before_free: memory freed while the test is, or is not, in the read
// section in which it could have found it.
#include <optional>

#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using lru::fault_point;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kBeforeFree = "rcu_before_free";

// --- lists, through steps
// -----------------------------------------------------------

struct FreedAtOnce : lru::node_lock_steps {
  static void free_mlru(lru::list_lru_memcg* mlru) {
    lru::kfree_type(lru::ALLOC_MLRU, mlru);
  }
};
constexpr lru::list_lru_ops kHastyOps =
    lru::make_node_lock_ops<FreedAtOnce>("node-lock", "no grace period");

// Reparents by hand, from within a read section, where a mutex has no place, or
// not.
Findings ReparentWith(const lru::list_lru_ops* ops, bool in_section) {
  return Of(kBeforeFree, RunScenario([=] {
              World::Parts parts = CleanParts();
              parts.lru_ops = ops;
              Scenario s(parts);
              s.ChargeAndAdd(3);
              lru::mem_cgroup* memcg = s.memcg(3);
              lru::mem_cgroup* parent = lru::parent_mem_cgroup(memcg);
              lru::mutex_guard guard(&lru::cgroup_mutex);
              if (in_section) lru::detail::rcu_enter();
              lru::memcg_reparent_objcgs(memcg, parent);
              ops->memcg_reparent_list_lrus(memcg, parent);
              if (in_section) lru::detail::rcu_leave();
              lru::rcu_barrier();
            }));
}

TEST(MemoryOracleTest, ListsAfterAGracePeriod) {
  EXPECT_THAT(ReparentWith(&lru::node_lock_ops(), true), IsEmpty());
}

TEST(MemoryOracleTest, ListsAtOnceWithAndWithoutAReader) {
  EXPECT_THAT(ReparentWith(&kHastyOps, true),
              ElementsAre(Says(kBeforeFree, "list_lru_memcg of memcg")));
  EXPECT_THAT(ReparentWith(&kHastyOps, false), IsEmpty());
}

// --- where reclaim has got to
// ---------------------------------------------------------

// Reclaim of the root, or of memcg 0, stops at memcg 1, the child of memcg 0,
// which is then destroyed by those steps.
Findings DestroyAtPosition(const lru::teardown_steps& steps, bool of_root) {
  return RunScenario([&] {
    World::Parts parts = CleanParts();
    parts.steps = &steps;
    Scenario s(parts, ChainConfig(2));
    lru::mem_cgroup* root = of_root ? lru::root_mem_cgroup : s.memcg(0);
    lru::mem_cgroup_reclaim_cookie reclaim{.nid = 1};
    lru::mem_cgroup* memcg = nullptr;
    while (memcg != s.memcg(1)) {
      memcg = lru::mem_cgroup_iter(root, memcg, &reclaim);
    }
    lru::mem_cgroup_put(memcg);
    s.Destroy(1);
  });
}

TEST(MemoryOracleTest, PositionTakenBackAtRelease) {
  EXPECT_THAT(DestroyAtPosition(lru::clean_teardown_steps(), true), IsEmpty());
  EXPECT_THAT(DestroyAtPosition(lru::clean_teardown_steps(), false), IsEmpty());
}

TEST(MemoryOracleTest, PositionLeftBehind) {
  lru::teardown_steps steps = lru::clean_teardown_steps();
  steps.mem_cgroup_css_released = [](lru::css*) {};
  for (bool of_root : {true, false}) {
    EXPECT_THAT(DestroyAtPosition(steps, of_root),
                ElementsAre(Says(kBeforeFree, "(nid 1) still names it")));
  }
}

// --- everything, by records
// ---------------------------------------------------------

struct Piece {
  fault_point unfindable;
  lru::alloc_type type;
};
constexpr Piece kPieces[] = {
    {lru::FP_sibling_unlinked, lru::ALLOC_MEMCG},
    {lru::FP_xa_erased, lru::ALLOC_MLRU},
    {lru::FP_objcg_released, lru::ALLOC_OBJCG},
    {lru::FP_shrinker_info_replaced, lru::ALLOC_SHRINKER_INFO},
    {lru::FP_shrinker_unpublished, lru::ALLOC_OTHER},
};

// Only the addresses count. As memcgs they are in no tree.
alignas(lru::mem_cgroup) const char memory[2][sizeof(lru::mem_cgroup)] = {};

// The short path, which teardown_order allows, so that it has nothing to say.
void Unpublish(const Piece& piece, const void* address) {
  lru::fault_site site;
  site.memcg = lru::serial_ref::of(9);
  Scenario::Feed(lru::FP_css_online_failed, site);
  site.memcg.ptr = address;
  site.memory = address;
  site.nr = 9;
  Scenario::Feed(piece.unfindable, site);
}

void Free(const Piece& piece, const void* address) {
  lru::fault_site site;
  site.memory = address;
  site.nr = piece.type;
  Scenario::Feed(lru::FP_memory_freed, site);
}

TEST(MemoryOracleTest, FreedInTheSectionThatMayHaveFoundIt) {
  for (const Piece& piece : kPieces) {
    std::string name = piece.type == lru::ALLOC_OTHER
                           ? "shrinker 9"
                           : lru::alloc_type_name(piece.type);
    EXPECT_THAT(RunScenario([&] {
                  Scenario s;
                  lru::rcu_guard guard;
                  Unpublish(piece, &memory[0]);
                  Free(piece, &memory[0]);
                }),
                ElementsAre(Says(kBeforeFree, name)));
  }
}

TEST(MemoryOracleTest, FreedInALaterSection) {
  for (const Piece& piece : kPieces) {
    EXPECT_THAT(RunScenario([&] {
                  Scenario s;
                  {
                    lru::rcu_guard guard;
                    Unpublish(piece, &memory[0]);
                  }
                  lru::rcu_guard guard;
                  Free(piece, &memory[0]);
                }),
                IsEmpty());
  }
}

TEST(MemoryOracleTest, SectionBegunAfterwards) {
  for (const Piece& piece : kPieces) {
    EXPECT_THAT(RunScenario([&] {
                  Scenario s;
                  Unpublish(piece, &memory[0]);
                  lru::rcu_guard guard;
                  Free(piece, &memory[0]);
                }),
                IsEmpty());
  }
}

TEST(MemoryOracleTest, NestingDoesNotEndASection) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                lru::rcu_guard outer;
                Unpublish(kPieces[0], &memory[0]);
                auto inner = [] { lru::rcu_guard guard; };
                inner();
                Free(kPieces[0], &memory[0]);
              }),
              ElementsAre(Says(kBeforeFree, "main")));
}

TEST(MemoryOracleTest, HeldSpinlockIsASection) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                lru::spinlock_t lock{"test->lock"};
                lru::spin_guard guard(&lock);
                Unpublish(kPieces[0], &memory[0]);
                Free(kPieces[0], &memory[0]);
              }),
              ElementsAre(Says(kBeforeFree, "main")));
}

TEST(MemoryOracleTest, NeverPublishedOrUsedAgain) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                lru::rcu_guard guard;
                Free(kPieces[1], &memory[0]);
                Unpublish(kPieces[1], &memory[1]);
                Free(kPieces[1], &memory[0]);
              }),
              IsEmpty());
  // The address is another piece's by now, which nobody has unpublished.
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                {
                  lru::rcu_guard guard;
                  Unpublish(kPieces[1], &memory[0]);
                }
                Free(kPieces[1], &memory[0]);
                lru::rcu_guard guard;
                Free(kPieces[1], &memory[0]);
              }),
              IsEmpty());
}

// A count that is read without the lock is read of memory that RCU keeps.
TEST(MemoryOracleTest, ReaderInNoSection) {
  auto read = [](bool in_section) {
    return RunScenario([in_section] {
      Scenario s;
      auto load = [] { Scenario::Feed(lru::FP_count_loaded, {.nid = 0}); };
      if (!in_section) return load();
      lru::rcu_guard guard;
      load();
    });
  };
  EXPECT_THAT(read(true), IsEmpty());
  EXPECT_THAT(read(false),
              testing::Contains(Says("rcu_before_free", "in no read section")));
}

TEST(MemoryOracleTest, WhoFindsAListMustBeInAReadSection) {
  for (lru::fault_point fp :
       {lru::FP_count_loaded, lru::FP_list_looked_up, lru::FP_list_locked,
        lru::FP_shrinker_looked_up, lru::FP_ref_put}) {
    for (bool reading : {false, true}) {
      Findings findings = RunScenario([&] {
        // node-lock looks a list up when it has locked it.
        Scenario s(fp == lru::FP_list_looked_up
                       ? CleanParts(lru::memcg_lock_ops())
                       : CleanParts());
        Object* object = s.Charge(0);
        std::optional<lru::rcu_guard> guard;
        if (reading) guard.emplace();
        s.Feed(fp, {.item = &object->lru, .nid = 0, .nr = 9});
      });
      EXPECT_EQ(findings.size(), reading ? 0u : 1u)
          << lru::fault_point_at(fp).name;
      for (const Said& said : findings) {
        EXPECT_THAT(said, Says("rcu_before_free", "in no read section"));
      }
    }
  }
}

TEST(MemoryOracleTest, AListLookedUpByIdInNoSection) {
  auto look = [](bool in_section) {
    return RunScenario([in_section] {
      Scenario s;
      std::optional<lru::rcu_guard> guard;
      if (in_section) guard.emplace();
      lru::list_lru_from_memcg_idx(s.world().lru(0), 0, 1);
    });
  };
  EXPECT_THAT(look(true), IsEmpty());
  EXPECT_THAT(look(false),
              testing::ElementsAre(Says(
                  "rcu_before_free", "pointer in list_lru_from_memcg_idx()")));
}

TEST(MemoryOracleTest, AnRcuPointerInNoSection) {
  EXPECT_THAT(
      RunScenario([] {
        Scenario s;
        lru::rcu_dereference(s.world().memcg(1));
      }),
      testing::ElementsAre(Says("rcu_before_free", "uses an RCU pointer")));
}

TEST(MemoryOracleTest, AReferenceIsTriedForInTheSectionThatHasFoundIt) {
  auto try_for = [](bool in_section) {
    return RunScenario([in_section] {
      Scenario s;
      lru::mem_cgroup* memcg = s.memcg(1);
      std::optional<lru::rcu_guard> guard;
      if (in_section) guard.emplace();
      EXPECT_TRUE(lru::mem_cgroup_tryget(memcg));
      guard.reset();
      lru::mem_cgroup_put(memcg);
    });
  };
  EXPECT_THAT(try_for(true), IsEmpty());
  EXPECT_THAT(try_for(false),
              ElementsAre(Says(kBeforeFree, "percpu_ref_tryget()")));
}

// (L3) One section from the lookup of the memcg to the list.
TEST(MemoryOracleTest, MemcgUsedInAnotherSection) {
  auto change = [](bool in_one) {
    return RunScenario([in_one] {
      Scenario s;
      Object* object = s.Charge(3);
      lru::list_lru* lru = s.world().lru(0);
      lru::fault_site site = {
          .memcg = s.memcg(3), .lru = lru, .item = &object->lru, .nid = 0};
      lru::rcu_read_lock();
      s.Feed(lru::FP_memcg_looked_up, site);
      if (!in_one) lru::rcu_read_unlock(), lru::rcu_read_lock();
      s.world().lru_ops().list_lru_add(lru, &object->lru, 0, s.memcg(3));
      lru::rcu_read_unlock();
      // By whoever has a reference.
      s.world().lru_ops().list_lru_del(lru, &object->lru, 0, s.memcg(3));
    });
  };
  EXPECT_THAT(change(true), IsEmpty());
  EXPECT_THAT(change(false), ElementsAre(Says(kBeforeFree, "has ended since")));
}

}  // namespace
}  // namespace workloads
