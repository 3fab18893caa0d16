// Window coverage on the tables of the lrus: each reachable cell is counted
// when its two sides meet, by records as lru/ writes them; and real operations
// of real teardowns are where the table says they can be, and nowhere else.
#include <set>

#include "harness/coverage.h"
#include "harness/window.h"
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using harness::Cell;
using harness::CellOrder;
using harness::CellStatus;
using lru::fault_point;
using testing::IsEmpty;

// Of the test that runs.
const char* lru_name = "node-lock";
const harness::LruInfo& Info() {
  return *harness::Catalog::Get().FindLru(lru_name);
}

// One actor of each type there is.
harness::Config EveryActor() {
  harness::Config config = ChainConfig();
  config.actors.clear();
  for (const harness::ActorInfo& actor : harness::Catalog::Get().actors()) {
    config.actors.push_back({.type = actor.name});
  }
  config.lru = lru_name;
  return config;
}

std::string TextOf(const Cell& cell) { return harness::CellText(Info(), cell); }

std::set<std::string> Hit(const harness::Config& config) {
  std::set<std::string> hit;
  for (const Cell& cell : harness::CellsOf(*harness::recorder(), config)) {
    if (cell.hits) hit.insert(TextOf(cell));
  }
  return hit;
}

// On each lru.
class EveryWindowTableTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { lru_name = GetParam(); }
  void TearDown() override { lru_name = "node-lock"; }
};
INSTANTIATE_TEST_SUITE_P(Lrus, EveryWindowTableTest,
                         testing::Values("node-lock", "memcg-lock"));

// --- the table
// ------------------------------------------------------------------

TEST_P(EveryWindowTableTest, EveryWayThatAnOperationTakesIsClosedByOneStage) {
  std::set<lru::way> closed;
  for (const lru::stage_info& stage : Info().stages) {
    if (stage.closes == lru::way::NONE) continue;
    EXPECT_TRUE(closed.insert(stage.closes).second);
  }
  EXPECT_TRUE(closed.count(lru::way::REFERENCE));
  for (const lru::operation_info& op : Info().operations) {
    EXPECT_TRUE(op.via == lru::way::NONE || closed.count(op.via)) << op.name;
    EXPECT_FALSE(op.begins.empty()) << op.name;
  }
  EXPECT_LE(Info().operations.size(), size_t{harness::kOperationsMax});
}

TEST_P(EveryWindowTableTest, EveryActorNamesOperationsThatThereAre) {
  std::set<std::string> known;
  for (const lru::operation_info& op : Info().operations) {
    known.insert(op.name);
  }
  for (const harness::ActorInfo& actor : harness::Catalog::Get().actors()) {
    for (const std::string& operation : actor.operations) {
      EXPECT_TRUE(known.count(operation)) << actor.name << " " << operation;
    }
  }
}

TEST_P(EveryWindowTableTest, EveryCellIsReachableOrSaysWhyNot) {
  for (const Cell& cell : harness::CellsOf(Info(), EveryActor())) {
    EXPECT_EQ(cell.reason.empty(), cell.status == CellStatus::kReachable)
        << TextOf(cell);
  }
}

CellStatus StatusOf(const harness::Config& config, const std::string& text) {
  for (const Cell& cell : harness::CellsOf(Info(), config)) {
    if (TextOf(cell) == text) return cell.status;
  }
  ADD_FAILURE() << "no cell " << text;
  return CellStatus::kExcluded;
}

TEST(WindowTableTest, LooksAsReadFromTheCode) {
  harness::Config config = ChainConfig();  // adder, deleter, shrinker
  auto status = [&](const char* text) { return StatusOf(config, text); };
  EXPECT_EQ(status("lists_drained during add"), CellStatus::kReachable);
  EXPECT_EQ(status("objcg_unpublished during del"), CellStatus::kReachable);
  EXPECT_EQ(status("add begun after objcg_unpublished"),
            CellStatus::kReachable);
  // Found by its id alone, until that has gone with the last reference.
  EXPECT_EQ(status("add begun after objcgs_reparented"),
            CellStatus::kReachable);
  EXPECT_EQ(status("add begun after id_put"), CellStatus::kUnforced);
  // A read section keeps it away; so does a reference.
  EXPECT_EQ(status("css_ref_zero during add"), CellStatus::kExcluded);
  EXPECT_EQ(status("add begun after css_ref_zero"), CellStatus::kExcluded);
  EXPECT_EQ(status("sibling_unlinked during add"), CellStatus::kExcluded);
  EXPECT_EQ(status("css_free during walk"), CellStatus::kExcluded);
  EXPECT_EQ(status("shrink begun after css_released"), CellStatus::kExcluded);
  // The lock of the list is held from the one to the other.
  EXPECT_EQ(status("walk begun after src_locked"), CellStatus::kExcluded);
  EXPECT_EQ(status("walk begun after node_spliced"), CellStatus::kReachable);
  EXPECT_EQ(status("src_locked during walk"), CellStatus::kReachable);
  // A list that was drained was there, and so is the parent's.
  config.actors.push_back({.type = "pinner"});
  EXPECT_EQ(status("alloc begun after kmemcg_ids_changed"),
            CellStatus::kReachable);
  EXPECT_EQ(status("alloc begun after lists_drained"), CellStatus::kUnforced);
  EXPECT_EQ(status("lists_drained during alloc"), CellStatus::kReachable);
}

// The kernel's id is put with its css, and no grace period waits for readers.
TEST(WindowTableTest, AnIdThatGoesAtOfflineKeepsNoReleaseAway) {
  harness::Config config = ChainConfig();
  config.model.id_release = harness::IdRelease::kOffline;
  EXPECT_EQ(StatusOf(config, "css_ref_zero during add"),
            CellStatus::kReachable);
  EXPECT_EQ(StatusOf(config, "add begun after css_ref_zero"),
            CellStatus::kUnforced);
  EXPECT_EQ(StatusOf(config, "sibling_unlinked during add"),
            CellStatus::kExcluded);
}

TEST(WindowTableTest, WithoutTheActorNothingIsDemanded) {
  harness::Config config = ChainConfig();
  config.actors = {{.type = "adder"}, {.type = "destroyer"}};
  EXPECT_EQ(StatusOf(config, "lists_drained during walk"),
            CellStatus::kUnforced);
  EXPECT_EQ(StatusOf(config, "lists_drained during add"),
            CellStatus::kReachable);
  config.actors = {{.type = "adder"}};
  EXPECT_EQ(StatusOf(config, "lists_drained during add"),
            CellStatus::kUnforced);
}

// Whoever holds a reference across offline begins after any stage but those
// that wait for it, or hold the lock it needs.
TEST(WindowTableTest, APinnerReachesLaterStages) {
  harness::Config config = ChainConfig();
  config.actors = {{.type = "pinner"}, {.type = "destroyer"}};
  const harness::ActorInfo* pinner =
      harness::Catalog::Get().FindActor("pinner");
  ASSERT_TRUE(pinner && pinner->pins);
  EXPECT_EQ(StatusOf(config, "add begun after lists_drained"),
            CellStatus::kReachable);
  EXPECT_EQ(StatusOf(config, "del begun after base_ref_put"),
            CellStatus::kReachable);
  EXPECT_EQ(StatusOf(config, "walk begun after src_locked"),
            CellStatus::kExcluded);
  EXPECT_EQ(StatusOf(config, "add begun after css_ref_zero"),
            CellStatus::kExcluded);
}

// --- by records, without oracles
// ------------------------------------------------

class WindowTest : public testing::Test {
 protected:
  void SetUp() override {
    harness::MapRecorder();
    harness::UseRecorderTasks();
    harness::ArmHook(config_, 1);
    lru::task_adopt("main");
  }
  void TearDown() override {
    harness::DisarmHook();
    lru::task_disown();
    lru::set_task_source(nullptr);
    harness::UnmapRecorder();
  }

  // A site of that memcg; of a list, and of one of its nodes, as lru/ has it.
  static lru::fault_site SiteOf(uint32_t memcg, fault_point fp,
                                uint32_t lru = 1) {
    lru::fault_site site;
    site.memcg = lru::serial_ref::of(memcg);
    site.owner.serial = site.memcg.serial;
    bool shrinks = fp == lru::FP_shrinker_looked_up ||
                   fp == lru::FP_shrink_counted_empty ||
                   fp == lru::FP_shrinker_bit_cleared ||
                   fp == lru::FP_shrink_rescanned;
    bool is_memcg_stage = lru::fault_point_at(fp).path == lru::fp_path::MEMCG;
    if (!shrinks && !is_memcg_stage) site.lru = lru::serial_ref::of(lru);
    bool whole_lru = fp == lru::FP_lists_drained || fp == lru::FP_xa_erased ||
                     fp == lru::FP_mlru_free_queued ||
                     lru::fault_point_at(fp).error;
    if (!whole_lru) site.nid = 0;
    return site;
  }
  static void Feed(fault_point fp, uint32_t memcg, uint32_t lru = 1) {
    lru::fault_point_slow(fp, SiteOf(memcg, fp, lru));
  }
  // Up to and with `last`; none of it when there is no such stage.
  static void FeedStagesTo(fault_point last, uint32_t memcg) {
    for (const lru::stage_info& stage : Info().stages) {
      Feed(stage.fp, memcg);
      if (stage.fp == last) return;
    }
  }
  // The stages before it, the begin, the stage, and what is under way; or the
  // stage before the begin.
  static void Play(const Cell& cell, uint32_t memcg) {
    const lru::operation_info& op = Info().operations[cell.operation];
    harness::BeginOperation({});
    if (cell.order == CellOrder::kOpFirst) Feed(op.begins[0], memcg);
    FeedStagesTo(cell.stage, memcg);
    if (cell.order == CellOrder::kStageFirst) Feed(op.begins[0], memcg);
    for (fault_point fp : op.under_way) Feed(fp, memcg);
  }
  uint64_t HitsOf(const Cell& cell) {
    return harness::CurrentSlot()
        ->cells[cell.stage][cell.operation][static_cast<int>(cell.order)]
        .load();
  }

  harness::Config config_ = EveryActor();
};

// On each lru.
class EveryWindowTest : public WindowTest,
                        public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    lru_name = GetParam();
    config_ = EveryActor();
    WindowTest::SetUp();
  }
  void TearDown() override {
    WindowTest::TearDown();
    lru_name = "node-lock";
  }
};
INSTANTIATE_TEST_SUITE_P(Lrus, EveryWindowTest,
                         testing::Values("node-lock", "memcg-lock"));

// What makes lists has none yet whose stages could have come, and a list that
// is alive is not dead: such stages are of other lrus and tell nothing.
bool IsOfNoList(const Cell& cell) {
  if (cell.order == CellOrder::kOpFirst) return false;
  const lru::operation_info& op = Info().operations[cell.operation];
  bool dead = false;
  for (const lru::stage_info& stage : Info().stages) {
    dead |= stage.closes == lru::way::SLOT;
    if (stage.fp != cell.stage) continue;
    return stage.per_list && (op.makes_lists || (op.own_list && dead));
  }
  return false;
}

TEST_P(EveryWindowTest, EveryCellIsCountedOnceWhenItsSidesMeet) {
  uint32_t memcg = 1000;
  for (const Cell& cell : harness::CellsOf(Info(), config_)) {
    uint64_t before = HitsOf(cell);
    Play(cell, ++memcg);
    EXPECT_EQ(HitsOf(cell), before + (IsOfNoList(cell) ? 0 : 1))
        << TextOf(cell);
  }
}

TEST_F(WindowTest, OperationsOnOthersOrBeforeTheTeardownCountNothing) {
  uint32_t other = 100;
  for (const lru::operation_info& op : Info().operations) {
    FeedStagesTo(lru::FP_lists_drained, 7);
    Feed(op.begins[0], ++other);
    for (fault_point fp : op.under_way) Feed(fp, other);
    FeedStagesTo(lru::FP_css_free, other);
  }
  EXPECT_THAT(Hit(config_), IsEmpty());
}

// What an add that failed has left behind must not make the next one longer.
TEST_F(WindowTest, TheNextOperationBeginsAfresh) {
  harness::BeginOperation({});
  Feed(lru::FP_memcg_looked_up, 7);
  FeedStagesTo(lru::FP_lists_drained, 7);
  harness::BeginOperation({});
  Feed(lru::FP_list_looked_up, 7);  // by a caller who brought the memcg along
  Feed(lru::FP_item_linked, 7);
  EXPECT_EQ(Hit(config_),
            std::set<std::string>{"add begun after lists_drained"});
}

// An item that a walk isolates leaves its list as a deleted one does.
TEST_F(WindowTest, AnIsolatedItemIsNoDel) {
  FeedStagesTo(lru::FP_objcg_unpublished, 7);
  harness::BeginOperation({});
  Feed(lru::FP_walk_list_locked, 7);
  Feed(lru::FP_isolate_called, 7);
  Feed(lru::FP_item_unlinked, 7);
  EXPECT_EQ(Hit(config_),
            std::set<std::string>{"walk begun after objcg_unpublished"});
}

TEST_F(WindowTest, StagesOfAnotherListAreNotMet) {
  harness::BeginOperation({});
  Feed(lru::FP_memcg_looked_up, 7, /*lru=*/2);
  FeedStagesTo(lru::FP_lists_drained, 7);  // of lru 1
  Feed(lru::FP_item_linked, 7, /*lru=*/2);
  std::set<std::string> hit = Hit(config_);
  EXPECT_TRUE(hit.count("kmemcg_ids_changed during add"));
  EXPECT_FALSE(hit.count("src_locked during add"));
  EXPECT_FALSE(hit.count("lists_drained during add"));
}

// lru 65 shares a bit with lru 1, whose lock is held: the walk of its list is
// not where no walk can be.
TEST_F(WindowTest, ALockHeldIsThatOfOneListAlone) {
  FeedStagesTo(lru::FP_src_locked, 7);
  Feed(lru::FP_walk_list_locked, 7, /*lru=*/65);
  EXPECT_EQ(harness::ImpossibleHit(*harness::recorder(), config_), "");
  Feed(lru::FP_walk_list_locked, 7, /*lru=*/1);
  EXPECT_NE(harness::ImpossibleHit(*harness::recorder(), config_)
                .find("walk begun after src_locked was seen 1 times, but "
                      "cannot be: it begins under the list's lock"),
            std::string::npos);
}

TEST_P(EveryWindowTest, EveryExcludedCellThatIsHitIsSaidWithItsReason) {
  int excluded = 0;
  for (const Cell& cell : harness::CellsOf(Info(), config_)) {
    if (cell.status != CellStatus::kExcluded) continue;
    auto& hits =
        harness::CurrentSlot()
            ->cells[cell.stage][cell.operation][static_cast<int>(cell.order)];
    hits.store(1);
    std::string said = harness::ImpossibleHit(*harness::recorder(), config_);
    EXPECT_NE(said.find(TextOf(cell)), std::string::npos) << said;
    EXPECT_NE(said.find(cell.reason), std::string::npos) << said;
    hits.store(0);
    excluded++;
  }
  EXPECT_GT(excluded, 50);
  EXPECT_EQ(harness::ImpossibleHit(*harness::recorder(), config_), "");
}

// memcg-lock: a walk is of the memcg's own list. On a lru that knows no memcg
// it is of the root's, whoever is named, and whatever has become of that one.
TEST_F(WindowTest, AWalkOfTheRootsListIsNotOfTheMemcgNamed) {
  harness::DisarmHook();
  lru_name = "memcg-lock";
  config_ = EveryActor();
  harness::ArmHook(config_, 1);
  FeedStagesTo(lru::FP_base_ref_put, 7);
  lru::fault_site site = SiteOf(7, lru::FP_walk_list_locked);
  site.owner = {};
  lru::fault_point_slow(lru::FP_walk_list_locked, site);
  EXPECT_EQ(harness::ImpossibleHit(*harness::recorder(), config_), "");
  site.owner.serial = site.memcg.serial;
  FeedStagesTo(lru::FP_base_ref_put, 8);
  Feed(lru::FP_walk_list_locked, 8);
  EXPECT_NE(harness::ImpossibleHit(*harness::recorder(), config_)
                .find("it begins on a list of the memcg's own"),
            std::string::npos);
  lru_name = "node-lock";
}

TEST_F(WindowTest, ABustedLruMayBeAnywhere) {
  FeedStagesTo(lru::FP_css_free, 7);
  Feed(lru::FP_walk_list_locked, 7);
  EXPECT_NE(harness::ImpossibleHit(*harness::recorder(), config_), "");
  config_.busted = "reparent_without_lock";
  EXPECT_EQ(harness::ImpossibleHit(*harness::recorder(), config_), "");
}

// --- require.coverage
// -------------------------------------------------------------

TEST_F(WindowTest, WhatIsMissingIsNamedWithTheFaultThatHelps) {
  config_.require.coverage = {100, {"lists_drained"}, {"add", "walk"}};
  std::string unmet = harness::CoverageUnmet(*harness::recorder(), config_);
  for (const char* part :
       {" of ", "lists_drained during add", "walk begun after lists_drained",
        "raise /duration_ms", R"({"at": "memcg_looked_up", "delay_us")",
        R"({"at": "isolate_unlocked", "delay_us")",
        R"({"at": "lists_drained", "delay_us")"}) {
    EXPECT_NE(unmet.find(part), std::string::npos) << part << "\n" << unmet;
  }
  uint32_t memcg = 1000;
  for (const Cell& cell : harness::CellsOf(Info(), config_)) {
    if (cell.status == CellStatus::kReachable) Play(cell, ++memcg);
  }
  EXPECT_EQ(harness::CoverageUnmet(*harness::recorder(), config_), "");
  config_.require.coverage = {100, {}, {}};
  EXPECT_EQ(harness::CoverageUnmet(*harness::recorder(), config_), "");
}

// Nobody finds the memcg there any more: the operation before is held until.
TEST_F(WindowTest, WhatNeedsAReferenceIsHeldBeforeItBegins) {
  config_.require.coverage = {100, {"id_put"}, {"count"}};
  std::string unmet = harness::CoverageUnmet(*harness::recorder(), config_);
  EXPECT_NE(unmet.find(R"({"at": "shrinker_bit_cleared", "hold_until": )"
                       R"({"at": "id_put", "timeout_us": 5000})"),
            std::string::npos)
      << unmet;
}

TEST_F(WindowTest, SoManyPercentAreEnough) {
  config_.require.coverage = {50, {"lists_drained"}, {"add"}};
  EXPECT_NE(harness::CoverageUnmet(*harness::recorder(), config_), "");
  harness::BeginOperation({});
  Feed(lru::FP_memcg_looked_up, 7);
  FeedStagesTo(lru::FP_lists_drained, 7);
  Feed(lru::FP_item_linked, 7);
  EXPECT_EQ(harness::CoverageUnmet(*harness::recorder(), config_), "");
}

// Each fault that is proposed is one that a config may have.
TEST_P(EveryWindowTest, EveryFaultProposedIsValid) {
  std::set<std::string> faults;
  for (const Cell& cell : harness::CellsOf(Info(), config_)) {
    if (cell.status != CellStatus::kReachable) continue;
    faults.insert(harness::FaultFor(Info(), cell));
  }
  for (const std::string& fault : faults) {
    harness::ParsedConfig parsed =
        harness::ParseConfig(std::string("{\"lru\": \"") + GetParam() +
                                 "\", \"faults\": [" + fault + "]}",
                             {});
    EXPECT_THAT(parsed.errors, IsEmpty()) << fault;
    EXPECT_THAT(parsed.warnings, IsEmpty()) << fault;
  }
}

// --- near misses
// ----------------------------------------------------------------

uint64_t Near(harness::NearMiss kind) {
  return harness::NearMissesOf(*harness::recorder(), kind);
}

TEST_F(WindowTest, NearMissesAreTold) {
  using harness::NearMiss;
  harness::BeginOperation({});
  FeedStagesTo(lru::FP_kmemcg_ids_changed, 7);
  Feed(lru::FP_memcg_looked_up, 7);
  EXPECT_EQ(Near(NearMiss::k_changed_between_ids_and_splice), 0u);
  Feed(lru::FP_item_unlinked, 7);
  EXPECT_EQ(Near(NearMiss::k_changed_between_ids_and_splice), 1u);
  EXPECT_EQ(Near(NearMiss::k_add_found_list_dying), 0u);

  Feed(lru::FP_memcg_looked_up, 7);
  Feed(lru::FP_src_locked, 7);
  Feed(lru::FP_node_spliced, 7);
  lru::fault_site site = SiteOf(7, lru::FP_item_linked);
  site.owner.serial = 3;
  lru::fault_point_slow(lru::FP_item_linked, site);
  EXPECT_EQ(Near(NearMiss::k_changed_between_ids_and_splice), 1u);
  EXPECT_EQ(Near(NearMiss::k_locked_after_splice), 1u);
  EXPECT_EQ(Near(NearMiss::k_add_linked_in_ancestor), 1u);
  EXPECT_EQ(Near(NearMiss::k_outlived_base_ref), 0u);

  Feed(lru::FP_memcg_looked_up, 7);
  Feed(lru::FP_base_ref_put, 7);
  Feed(lru::FP_item_unlinked, 7);
  EXPECT_EQ(Near(NearMiss::k_outlived_base_ref), 1u);

  const harness::MemcgSlot& used = *harness::FindMemcg(7);
  auto us = static_cast<uint64_t>(1000 * harness::recorder()->ticks_per_ns);
  harness::NoteFree(used, used.last_use_ticks.load() + 600 * us);
  EXPECT_EQ(Near(NearMiss::k_freed_soon_after_use), 0u);
  harness::NoteFree(used, used.last_use_ticks.load() + 400 * us);
  EXPECT_EQ(Near(NearMiss::k_freed_soon_after_use), 1u);

  Feed(lru::FP_walk_list_locked, 8);
  Feed(lru::FP_mlru_allocated, 8);
  FeedStagesTo(lru::FP_node_spliced, 8);
  Feed(lru::FP_walk_restarted, 8);
  Feed(lru::FP_xa_stored, 8);
  EXPECT_EQ(Near(NearMiss::k_walk_overtaken_by_splice), 1u);
  EXPECT_EQ(Near(NearMiss::k_alloc_overtaken_by_reparent), 1u);

  Feed(lru::FP_css_dying_set, 9);
  Feed(lru::FP_memcg_looked_up, 9);
  Feed(lru::FP_item_linked, 9);
  EXPECT_EQ(Near(NearMiss::k_add_found_list_dying), 1u);
}

// --- real ones
// -------------------------------------------------------------------

struct Pinned {
  Scenario* scenario;
  lru::mem_cgroup* memcg;
  Object* object;
  uint32_t serial;  // outlives the memcg
};
Pinned pinned;

lru::lru_status Skip(lru::list_head*, lru::list_lru_one*, lru::spinlock_t*,
                     void*) {
  return lru::LRU_SKIP;
}

// By whoever performs the stage, with a reference that is held all the while.
void UseAtStage(fault_point fp, const lru::fault_site& site) {
  if (site.memcg.serial != pinned.serial) return;
  const lru::list_lru_ops& ops = pinned.scenario->world().lru_ops();
  lru::list_lru* lru = pinned.scenario->world().lru(0);
  lru::list_head* item = &pinned.object->lru;
  harness::BeginOperation({});
  ops.list_lru_count_one(lru, 0, pinned.memcg);
  // The lock of the list is this task's own here.
  if (lru::fault_point_at(fp).holds == lru::held::SPIN) return;
  unsigned long nr_to_walk = 4;
  ops.list_lru_del(lru, item, 0, pinned.memcg);
  ops.list_lru_add(lru, item, 0, pinned.memcg);
  ops.list_lru_walk_one(lru, 0, pinned.memcg, Skip, nullptr, &nr_to_walk);
}

TEST(RealWindowTest, AReferenceReachesEveryStageUpToTheLastPut) {
  EXPECT_THAT(RunScenario([] {
                harness::Config config = EveryActor();
                config.topology.nids = 1;
                config.topology.lrus = 1;
                Scenario s(CleanParts(), config);
                pinned = {&s, s.memcg(3), s.ChargeAndAdd(3), 0};
                pinned.serial = lru::serial_of(pinned.memcg);
                lru::css_get(&pinned.memcg->css);
                for (const lru::stage_info& stage : Info().stages) {
                  if (stage.closes == lru::way::REFERENCE) break;
                  harness::Observe(stage.fp, UseAtStage);
                }
                s.Destroy(3);
                std::set<std::string> hit = Hit(config);
                for (const lru::stage_info& stage : Info().stages) {
                  if (stage.closes == lru::way::REFERENCE) break;
                  std::string name = lru::fault_point_at(stage.fp).name;
                  EXPECT_TRUE(hit.count("count begun after " + name)) << name;
                  if (lru::fault_point_at(stage.fp).holds == lru::held::SPIN)
                    continue;
                  for (const char* op : {"add", "del", "walk"}) {
                    EXPECT_TRUE(hit.count(op + (" begun after " + name)))
                        << op << " " << name;
                  }
                }
                EXPECT_EQ(harness::ImpossibleHit(*harness::recorder(), config),
                          "");
                lru::css_put(&pinned.memcg->css);
                s.Finish();
              }),
              IsEmpty());
}

std::atomic<uint32_t> at_offline = 0;
std::atomic<uint32_t> in_add = 0;

void WaitAtOffline(fault_point, const lru::fault_site& site) {
  if (site.memcg.serial != pinned.serial) return;
  at_offline.store(1, std::memory_order_relaxed);
  while (!in_add.load(std::memory_order_relaxed)) lru::task_yield();
}

void LookUpUntilBaseRefPut(fault_point, const lru::fault_site& site) {
  in_add.store(1, std::memory_order_relaxed);
  const harness::MemcgSlot* slot = nullptr;
  do {
    lru::task_yield();
    slot = harness::FindMemcg(site.memcg.serial);
  } while (!slot || !(slot->reached.load(std::memory_order_relaxed) >>
                          lru::FP_base_ref_put &
                      1));
}

//   main                          wq-offline
//                                 offline_begin
//   looks the memcg up, under RCU
//                                 everything up to base_ref_put
//   links its item: to the parent's list
// Later stages come behind a grace period: the read section keeps them away.
TEST(RealWindowTest, AReadSectionOutlivesOfflineAndNothingBehindIt) {
  EXPECT_THAT(
      RunScenario([] {
        harness::Config config = EveryActor();
        config.topology.nids = 1;
        config.topology.lrus = 1;
        Scenario s(CleanParts(), config);
        s.ChargeAndAdd(3);
        Object* late = s.Charge(3);
        pinned = {&s, s.memcg(3), late, s.memcg(3)->css.serial};
        at_offline.store(0);
        in_add.store(0);
        harness::Observe(lru::FP_offline_begin, WaitAtOffline);
        s.world().DestroySubtree(3);
        // A section that began earlier would keep offline itself away.
        while (!at_offline.load(std::memory_order_relaxed)) lru::task_yield();
        harness::Observe(lru::FP_memcg_looked_up, LookUpUntilBaseRefPut);
        harness::BeginOperation({});
        EXPECT_TRUE(s.Add(late));
        lru::css_flush();
        std::set<std::string> hit = Hit(config);
        bool after_begin = false;
        for (const lru::stage_info& stage : Info().stages) {
          std::string name = lru::fault_point_at(stage.fp).name;
          if (stage.closes == lru::way::REFERENCE) after_begin = false;
          if (after_begin) {
            EXPECT_TRUE(hit.count(name + " during add")) << name;
          }
          if (stage.closes == lru::way::REFERENCE) break;
          if (stage.fp == lru::FP_offline_begin) after_begin = true;
        }
        EXPECT_EQ(Near(harness::NearMiss::k_add_linked_in_ancestor), 1u);
        EXPECT_EQ(Near(harness::NearMiss::k_locked_after_splice), 1u);
        EXPECT_EQ(harness::ImpossibleHit(*harness::recorder(), config), "");
      }),
      IsEmpty());
}

}  // namespace
}  // namespace workloads
