#include "lru/shrinker.h"

#include "lru/sync/completion.h"
#include "lru/test_support.h"

namespace lru {
namespace {

// A shrinker whose answers the test writes down beforehand.
struct script {
  std::vector<unsigned long> counts;  // the last one is repeated
  size_t asked = 0;
  unsigned long frees = 0;                // per scan; SHRINK_STOP allowed
  std::vector<unsigned long> scans = {};  // nr_to_scan of each
};

unsigned long scripted_count(shrinker* s, shrink_control*) {
  auto* answers = static_cast<script*>(s->private_data);
  size_t at = std::min(answers->asked++, answers->counts.size() - 1);
  return answers->counts[at];
}
unsigned long scripted_scan(shrinker* s, shrink_control* sc) {
  auto* answers = static_cast<script*>(s->private_data);
  answers->scans.push_back(sc->nr_to_scan);
  return answers->frees;
}

class ShrinkerTest : public subject_test {
 protected:
  void SetUp() override {
    subject_test::SetUp();
    memcg = mem_cgroup_create(root_mem_cgroup);
  }
  void TearDown() override {
    subject::destroy(memcg);
    subject_test::TearDown();
  }
  shrinker* scripted(script* answers, bool memcg_aware = true) {
    shrinker* s = shrinker_alloc(memcg_aware);
    s->count_objects = scripted_count;
    s->scan_objects = scripted_scan;
    s->private_data = answers;
    shrinker_register(s);
    return s;
  }
  mem_cgroup* memcg;
};

std::atomic<long>& deferred(mem_cgroup* memcg, int nid, int id) {
  return memcg->shrinker_info[nid]
      .load()
      ->unit[id / kShrinkerUnitBits]
      ->nr_deferred[id % kShrinkerUnitBits];
}

TEST_F(ShrinkerTest, IdsAreTheLowestFree) {
  shrinker *a = shrinker_alloc(true), *b = shrinker_alloc(true);
  shrinker* unaware = shrinker_alloc(false);
  EXPECT_EQ(a->id, 0);
  EXPECT_EQ(b->id, 1);
  EXPECT_EQ(unaware->id, -1);
  shrinker_free(a);
  shrinker* c = shrinker_alloc(true);
  EXPECT_EQ(c->id, 0);
  for (shrinker* s : {b, unaware, c}) shrinker_free(s);
}

TEST_F(ShrinkerTest, TheBitmapGrowsUnderLiveMemcgsAndLosesNoBit) {
  constexpr int kMany = 3 * kShrinkerUnitBits + 1;
  fault_log log;
  std::vector<shrinker*> all = {shrinker_alloc(true)};
  set_shrinker_bit(memcg, 1, 0);
  deferred(memcg, 1, 0) = 5;
  while (static_cast<int>(all.size()) < kMany) {
    all.push_back(shrinker_alloc(true));
  }
  EXPECT_EQ(all.back()->id, kMany - 1);
  EXPECT_GT(log.count(FP_shrinker_info_replaced), 0);
  EXPECT_TRUE(shrinker_bit_is_set(memcg, 1, 0));
  EXPECT_FALSE(shrinker_bit_is_set(memcg, 0, 0));
  EXPECT_EQ(deferred(memcg, 1, 0), 5);
  set_shrinker_bit(memcg, 0, kMany - 1);
  EXPECT_TRUE(shrinker_bit_is_set(memcg, 0, kMany - 1));
  // A memcg that comes later has the full size.
  mem_cgroup* later = mem_cgroup_create(memcg);
  set_shrinker_bit(later, 0, kMany - 1);
  EXPECT_TRUE(shrinker_bit_is_set(later, 0, kMany - 1));
  subject::destroy(later);
  for (shrinker* s : all) shrinker_free(s);
}

TEST_F(ShrinkerTest, OutOfMemoryWhileGrowingGivesNullAndFreesTheId) {
  shrinker* first = nullptr;
  std::vector<shrinker*> all;
  int size = memcg->shrinker_info[0].load()->map_nr_max;
  for (int i = 0; i < size; i++) all.push_back(shrinker_alloc(true));
  // Two memcgs on two nodes: four allocations. An attempt keeps those that it
  // has made, so each but the first gets one further.
  for (int nth : {1, 2, 2, 2}) {
    fault_log log;
    log.fail(FP_shrinker_info_allocated, nth);
    first = shrinker_alloc(true);
    EXPECT_EQ(first, nullptr);
    if (first) shrinker_free(first);
  }
  first = shrinker_alloc(true);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->id, size);
  shrinker_free(first);
  for (shrinker* s : all) shrinker_free(s);
}

TEST_F(ShrinkerTest, OutOfIdsGivesNull) {
  std::vector<shrinker*> all;
  for (int i = 0; i < kShrinkersMax; i++) all.push_back(shrinker_alloc(true));
  ASSERT_NE(all.back(), nullptr);
  EXPECT_EQ(shrinker_alloc(true), nullptr);
  for (shrinker* s : all) shrinker_free(s);
}

TEST_F(ShrinkerTest, NullAndRootHaveNoBits) {
  set_shrinker_bit(nullptr, 0, 0);
  set_shrinker_bit(root_mem_cgroup, 0, 0);
  set_shrinker_bit(memcg, 0, -1);
  EXPECT_FALSE(shrinker_bit_is_set(root_mem_cgroup, 0, 0));
  EXPECT_FALSE(shrinker_bit_is_set(memcg, 0, -1));
}

TEST_F(ShrinkerTest, OnlySetBitsAreAskedAndOnlyOfThatNode) {
  script answers{.counts = {0}};
  shrinker* s = scripted(&answers);
  shrink_slab(0, memcg, 0);
  EXPECT_EQ(answers.asked, 0u);
  set_shrinker_bit(memcg, 1, s->id);
  shrink_slab(0, memcg, 0);
  EXPECT_EQ(answers.asked, 0u);
  shrink_slab(1, memcg, 0);
  EXPECT_EQ(answers.asked, 1u);
  // 0 is not SHRINK_EMPTY: the bit stays.
  EXPECT_TRUE(shrinker_bit_is_set(memcg, 1, s->id));
  shrinker_free(s);
}

TEST_F(ShrinkerTest, EmptyTwiceClearsTheBit) {  // (S2)
  script answers{.counts = {SHRINK_EMPTY}};
  shrinker* s = scripted(&answers);
  set_shrinker_bit(memcg, 0, s->id);
  EXPECT_EQ(shrink_slab(0, memcg, 0), 0u);
  EXPECT_EQ(answers.asked, 2u);
  EXPECT_FALSE(shrinker_bit_is_set(memcg, 0, s->id));
  shrinker_free(s);
}

TEST_F(ShrinkerTest, SomethingInTheRescanSetsTheBitBack) {  // (S2)
  script answers{.counts = {SHRINK_EMPTY, 3}, .frees = 3};
  shrinker* s = scripted(&answers);
  set_shrinker_bit(memcg, 0, s->id);
  EXPECT_EQ(shrink_slab(0, memcg, 0), 3u);
  EXPECT_TRUE(shrinker_bit_is_set(memcg, 0, s->id));
  shrinker_free(s);
}

TEST_F(ShrinkerTest, ABitWithoutAShrinkerIsCleared) {
  set_shrinker_bit(memcg, 0, 9);
  shrink_slab(0, memcg, 0);
  EXPECT_FALSE(shrinker_bit_is_set(memcg, 0, 9));
}

TEST_F(ShrinkerTest, TheRootAsksEveryShrinkerAwareOrNot) {
  script aware{.counts = {1}, .frees = 1}, unaware{.counts = {1}, .frees = 2};
  shrinker *a = scripted(&aware), *b = scripted(&unaware, false);
  EXPECT_EQ(shrink_slab(0, root_mem_cgroup, 0), 3u);
  EXPECT_EQ(shrink_slab(0, nullptr, 0), 3u);
  EXPECT_EQ(aware.asked, 2u);
  EXPECT_EQ(unaware.asked, 2u);
  shrinker_free(a);
  shrinker_free(b);
}

TEST_F(ShrinkerTest, ScansInBatchesUntilTheShareIsDone) {
  script answers{.counts = {300}, .frees = 1};
  shrinker* s = scripted(&answers);
  set_shrinker_bit(memcg, 0, s->id);
  // Twice what there is, at most.
  EXPECT_EQ(shrink_slab(0, memcg, 0), 4u);
  EXPECT_EQ(answers.scans, (std::vector<unsigned long>{128, 128, 128, 128}));
  EXPECT_EQ(deferred(memcg, 0, s->id), 88);  // 600 - 4 * 128
  shrinker_free(s);
}

TEST_F(ShrinkerTest, StopEndsTheScanAndDefersTheRest) {
  script answers{.counts = {300}, .frees = SHRINK_STOP};
  shrinker* s = scripted(&answers);
  set_shrinker_bit(memcg, 0, s->id);
  EXPECT_EQ(shrink_slab(0, memcg, 0), 0u);
  EXPECT_EQ(answers.scans.size(), 1u);
  EXPECT_EQ(deferred(memcg, 0, s->id), 600);
  shrinker_free(s);
}

TEST_F(ShrinkerTest, DeferredWorkGoesToTheParentAtOffline) {  // (S4)
  shrinker* s = shrinker_alloc(true);
  mem_cgroup* child = mem_cgroup_create(memcg);
  deferred(child, 0, s->id) = 7;
  deferred(child, 1, s->id) = 11;
  deferred(memcg, 1, s->id) = 100;
  subject::destroy(child);
  css_flush();
  EXPECT_EQ(deferred(memcg, 0, s->id), 7);
  EXPECT_EQ(deferred(memcg, 1, s->id), 111);
  shrinker_free(s);
}

TEST_F(ShrinkerTest, UnregisterWaitsForThoseWhoUseIt) {
  static completion scanning, go;
  static std::atomic<bool> gone, used;
  reinit_completion(&scanning);
  reinit_completion(&go);
  gone = used = false;
  shrinker* s = shrinker_alloc(true);
  s->count_objects = [](shrinker*, shrink_control*) -> unsigned long {
    complete(&scanning);
    wait_for_completion(&go, "the test");
    EXPECT_FALSE(gone);
    used = true;
    return 0;
  };
  s->scan_objects = scripted_scan;
  shrinker_register(s);
  set_shrinker_bit(memcg, 0, s->id);
  task* user = task_start(
      "user",
      [](void* arg) { shrink_slab(0, static_cast<mem_cgroup*>(arg), 0); },
      memcg);
  wait_for_completion(&scanning, "the shrinker");
  task* remover = task_start(
      "remover",
      [](void* arg) {
        shrinker_free(static_cast<shrinker*>(arg));
        gone = true;
      },
      s);
  while (!remover->waiting.load()) task_yield();
  EXPECT_FALSE(gone);
  // Nobody new gets it.
  set_shrinker_bit(memcg, 1, s->id);
  EXPECT_EQ(shrink_slab(1, memcg, 0), 0u);
  // Nor its id, by which its user finds bits and deferred work.
  shrinker* next = shrinker_alloc(/*memcg_aware=*/true);
  EXPECT_NE(next->id, s->id);
  shrinker_free(next);
  complete(&go);
  task_join(user);
  task_join(remover);
  EXPECT_TRUE(used);
}

}  // namespace
}  // namespace lru
