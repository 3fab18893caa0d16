#include "harness/catalog.h"

#include "gtest/gtest.h"

namespace harness {
namespace {

TEST(CatalogTest, EntriesAreSortedByNameWhateverTheirOrderOfRegistration) {
  Catalog catalog;
  for (const char* name : {"m", "z", "a"}) catalog.Add(ActorInfo{name, ""});
  ASSERT_EQ(catalog.actors().size(), 3u);
  EXPECT_EQ(catalog.actors()[0].name, "a");
  EXPECT_EQ(catalog.actors()[1].name, "m");
  EXPECT_EQ(catalog.actors()[2].name, "z");
}

TEST(CatalogTest, FindsExactNamesOnly) {
  Catalog catalog;
  catalog.Add(LruInfo{"node-lock", "", {}, {}});
  catalog.Add(ActorInfo{"adder", ""});
  BustedInfo busted;
  busted.name = "bug";
  catalog.Add(busted);
  EXPECT_NE(catalog.FindLru("node-lock"), nullptr);
  EXPECT_EQ(catalog.FindLru("node"), nullptr);
  EXPECT_EQ(catalog.FindLru("node-lock2"), nullptr);
  EXPECT_TRUE(catalog.HasActor("adder"));
  EXPECT_FALSE(catalog.HasActor(""));
  EXPECT_NE(catalog.FindBusted("bug"), nullptr);
  EXPECT_EQ(catalog.FindBusted("none"), nullptr);
}

TEST(CatalogTest, AnLruHasEveryPointThatIsNotAbsent) {
  constexpr lru::fault_point kAbsent[] = {lru::FP_dead_list_seen};
  LruInfo info{"l", "", {}, kAbsent};
  EXPECT_FALSE(info.Has(lru::FP_dead_list_seen));
  EXPECT_TRUE(info.Has(lru::FP_item_linked));
}

TEST(CatalogDeathTest, ADuplicateNameAborts) {
  Catalog catalog;
  catalog.Add(InvariantInfo{"no_leak", "34", ""});
  EXPECT_DEATH(catalog.Add(InvariantInfo{"no_leak", "34", ""}),
               "'no_leak' is registered twice");
}

}  // namespace
}  // namespace harness
