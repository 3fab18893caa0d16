#include "lru/list.h"

#include <gtest/gtest.h>

#include <vector>

namespace lru {
namespace {

std::vector<const list_head*> forwards(const list_head& head) {
  std::vector<const list_head*> heads;
  for (const list_head* at = head.next; at != &head; at = at->next) {
    EXPECT_EQ(at->next->prev, at);
    EXPECT_EQ(at->prev->next, at);
    heads.push_back(at);
  }
  return heads;
}
using heads = std::vector<const list_head*>;

TEST(List, AddPutsAtTheHeadAndAddTailAtTheEnd) {
  list_head head, a, b, c;
  EXPECT_TRUE(list_empty(&head));
  list_add(&a, &head);
  list_add(&b, &head);
  list_add_tail(&c, &head);
  EXPECT_EQ(forwards(head), (heads{&b, &a, &c}));
}

TEST(List, DelInitLeavesAnEmptyItem) {
  list_head head, a, b;
  list_add_tail(&a, &head);
  list_add_tail(&b, &head);
  list_del_init(&a);
  EXPECT_TRUE(list_empty(&a));
  EXPECT_EQ(forwards(head), (heads{&b}));
  list_del_init(&b);
  EXPECT_TRUE(list_empty(&head));
}

TEST(List, MoveGoesToTheHeadAndMoveTailToTheEnd) {
  list_head head, other, a, b, c;
  for (list_head* item : {&a, &b, &c}) list_add_tail(item, &head);
  list_move_tail(&a, &head);
  EXPECT_EQ(forwards(head), (heads{&b, &c, &a}));
  list_move(&a, &head);
  EXPECT_EQ(forwards(head), (heads{&a, &b, &c}));
  list_move(&b, &other);
  EXPECT_EQ(forwards(head), (heads{&a, &c}));
  EXPECT_EQ(forwards(other), (heads{&b}));
}

TEST(List, SplicePutsAllAtTheHeadInOrder) {
  list_head head, from, a, b, c, d;
  list_add_tail(&a, &head);
  list_add_tail(&b, &head);
  list_add_tail(&c, &from);
  list_add_tail(&d, &from);
  list_splice_init(&from, &head);
  EXPECT_TRUE(list_empty(&from));
  EXPECT_EQ(forwards(head), (heads{&c, &d, &a, &b}));
}

TEST(List, SplicingAnEmptyListChangesNothing) {
  list_head head, from, a;
  list_add(&a, &head);
  list_splice_init(&from, &head);
  EXPECT_EQ(forwards(head), (heads{&a}));
  list_splice_init(&head, &from);
  EXPECT_EQ(forwards(from), (heads{&a}));
  EXPECT_TRUE(list_empty(&head));
}

}  // namespace
}  // namespace lru
