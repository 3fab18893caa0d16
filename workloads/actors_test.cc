// Each actor does what its sentence says, and keeps the rules of object.h.
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using harness::Verb;
using testing::IsEmpty;

uint64_t Done(Verb verb) {
  return harness::CurrentSlot()->operations[static_cast<int>(verb)].load();
}
uint64_t Adds() { return Done(Verb::k_add) + Done(Verb::k_add_obj); }
uint64_t Dels() { return Done(Verb::k_del) + Done(Verb::k_del_obj); }

uint64_t ObjectsOf(World& world) {
  uint64_t objects = 0;
  world.ForEachObject([&](const Object*) { objects++; });
  return objects;
}
uint64_t SharedOf(World& world) {
  uint64_t objects = 0;
  for (uint32_t i = 0; i < world.nr_shared(); i++) {
    objects += world.shared(i).load() != nullptr;
  }
  return objects;
}

TEST(ActorsTest, AdderMostlyAdds) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Step(500, "adder");
                EXPECT_GT(Adds(), 2 * Dels());
                EXPECT_GT(Dels(), 0u);
                EXPECT_GT(Done(Verb::k_add), 0u);
                EXPECT_GT(Done(Verb::k_add_obj), 0u);
                EXPECT_GT(ObjectsOf(s.world()), 20u);
                s.Finish();
              }),
              IsEmpty());
}

TEST(ActorsTest, DeleterMostlyDeletes) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Step(500, "deleter");
                EXPECT_GT(Dels(), Adds());
                EXPECT_GT(Adds(), 0u);
                EXPECT_GT(Done(Verb::k_del), 0u);
                EXPECT_GT(Done(Verb::k_del_obj), 0u);
                s.Finish();
              }),
              IsEmpty());
}

TEST(ActorsTest, ObjectsAreSharedOrOwnAsTheConfigSays) {
  for (bool shared : {false, true}) {
    EXPECT_THAT(
        RunScenario([&] {
          harness::Config config = ChainConfig();
          config.actors[0].objects =
              shared ? harness::Objects::kShared : harness::Objects::kOwn;
          Scenario s(CleanParts(), config);
          s.Step(300, "adder");
          EXPECT_GT(ObjectsOf(s.world()), 0u);
          EXPECT_EQ(SharedOf(s.world()), shared ? ObjectsOf(s.world()) : 0u);
          s.Finish();
        }),
        IsEmpty());
  }
}

TEST(ActorsTest, ShrinkerReclaimsInEveryWay) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Step(100, "adder");
                auto linked = [&] {
                  uint64_t linked = 0;
                  s.world().ForEachObject([&](const Object* object) {
                    linked += object->linked.load();
                  });
                  return linked;
                };
                uint64_t before = linked();
                s.Step(300, "shrinker");
                EXPECT_LT(linked(), before);
                EXPECT_GT(Done(Verb::k_shrink_slab), 0u);
                EXPECT_GT(Done(Verb::k_walk_one), 0u);
                EXPECT_GT(Done(Verb::k_walk_node), 0u);
                // Nothing stays on a private list.
                s.world().ForEachObject([](const Object* object) {
                  EXPECT_FALSE(object->disposing);
                });
                s.Finish();
              }),
              IsEmpty());
}

TEST(ActorsTest, DestroyerDestroysAndMakesAnew) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                uint32_t newest = s.world().SerialAt(3);
                s.Step(200, "destroyer");
                EXPECT_GT(Done(Verb::k_destroy), 10u);
                EXPECT_GT(Done(Verb::k_create), 10u);
                EXPECT_GT(s.world().SerialAt(3), newest + 10);
                for (uint32_t i = 0; i < s.world().nr_memcgs(); i++) {
                  EXPECT_NE(s.world().SerialAt(i), 0u);
                }
                s.Finish();
              }),
              IsEmpty());
}

}  // namespace
}  // namespace workloads
