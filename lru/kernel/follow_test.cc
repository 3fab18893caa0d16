// ctest: unit
#include "lru/kernel/follow.h"

#include "lru/test_support.h"

namespace lru::kernel {
namespace {

// A plug-in as far as an add is followed: a list is a list_head and a count.
struct plain_list {
  list_head list;
  long nr_items;
};
kernel_list* root = nullptr;

lrut_plugin make_plugin() {
  lrut_plugin plugin = {};
  plugin.mlru_first = 0;
  plugin.list_size = sizeof(plain_list);
  plugin.node_size = sizeof(plain_list);
  plugin.lock_of = [](const void*, int, const void* list) { return list; };
  plugin.root_list = [](const void*, int nid) -> void* { return root + nid; };
  return plugin;
}

class FollowTest : public subject_test {
 protected:
  void SetUp() override {
    subject_test::SetUp();
    memcg_lists_ = new_lists(LRUT_ALLOC, 0);
    other_lists_ = new_lists(LRUT_ALLOC, 0);
    root_lists_ = new_lists(LRUT_INIT, static_cast<size_t>(nr_node_ids));
    root = list_of(root_lists_);
  }
  void TearDown() override {
    for (plain_list* lists : {memcg_lists_, other_lists_, root_lists_}) {
      free(lists);
    }
    subject_test::TearDown();
  }

  lrut_call call_of(lrut_call_kind kind) {
    lrut_call call = {};
    call.kind = kind;
    call.api = "list_lru_add";
    call.plugin = &plugin_;
    call.lru = &lru_;
    return call;
  }

  // Of each node one.
  plain_list* new_lists(lrut_call_kind kind, size_t n) {
    mem_cgroup memcg;
    lrut_call call = call_of(kind);
    call.memcg = &memcg;
    size_t size = sizeof(plain_list);
    if (!n) size *= static_cast<size_t>(nr_node_ids);
    auto* lists = static_cast<plain_list*>(alloc(&call, n, size, true));
    for (int nid = 0; nid < nr_node_ids; nid++) {
      INIT_LIST_HEAD(&lists[nid].list);
    }
    return lists;
  }

  // The list that an add is told to have gone to which has looked up that one,
  // or none, and calls list_add() with this position.
  kernel_list* add(const plain_list* looked_up, list_head* at) {
    list_head& item = items_[nr_items_++];
    lrut_call call = call_of(LRUT_ADD);
    call.nid = 1;
    call.item = &item;
    call_begin(&call);
    call.list = list_of(looked_up);
    list_add(&item, at);
    linked(&item, at);
    call_end(&call);
    return static_cast<kernel_list*>(call.list);
  }

  lrut_plugin plugin_ = make_plugin();
  list_lru lru_;
  list_head items_[8];
  int nr_items_ = 0;
  plain_list* memcg_lists_ = nullptr;
  plain_list* other_lists_ = nullptr;
  plain_list* root_lists_ = nullptr;
};

TEST_F(FollowTest, AnItemIsOnTheListWhoseHeadIsNamed) {
  plain_list* l = &memcg_lists_[1];
  EXPECT_EQ(add(l, &l->list), list_of(l));
  EXPECT_EQ(add(nullptr, &root_lists_[1].list), root + 1);
}

TEST_F(FollowTest, AnItemIsOnTheListOfTheItemThatIsNamed) {
  plain_list* l = &memcg_lists_[1];
  for (int i = 0; i < 3; i++) {
    EXPECT_EQ(add(l, l->list.prev), list_of(l));
    EXPECT_EQ(add(l, l->list.next), list_of(l));
  }
  add(nullptr, &root_lists_[1].list);
  EXPECT_EQ(add(nullptr, root_lists_[1].list.prev), root + 1);
}

TEST_F(FollowTest, AnItemOnAListThatWasNotLookedUpIsThere) {
  plain_list* l = &memcg_lists_[1];
  EXPECT_EQ(add(l, &memcg_lists_[0].list), list_of(&memcg_lists_[0]));
  EXPECT_EQ(add(l, &other_lists_[1].list), list_of(&other_lists_[1]));
  EXPECT_EQ(add(nullptr, &other_lists_[1].list), list_of(&other_lists_[1]));
}

// The kernel's code up to 6.12 asks for both lists, then uses them unseen.
TEST_F(FollowTest, ThatThereAreNoListsToSpliceToIsToldBeforeTheKernelUsesThem) {
  mem_cgroup parent, memcg;
  parent.id.id = 1;
  memcg.id.id = 2;
  auto reparent = [&](const plain_list* from, const plain_list* to) {
    fault_log log;
    lrut_call call = call_of(LRUT_REPARENT);
    call.memcg = &memcg;
    call.parent = &parent;
    call_begin(&call);
    saw_lists(memcg.id.id, from);
    saw_lists(parent.id.id, to);
    call_end(&call);
    return log.count(FP_src_locked);
  };
  EXPECT_EQ(reparent(memcg_lists_, nullptr), 1);
  EXPECT_EQ(reparent(memcg_lists_, other_lists_), 0);
  EXPECT_EQ(reparent(nullptr, nullptr), 0);
  plugin_.climbs = true;
  EXPECT_EQ(reparent(memcg_lists_, nullptr), 0);
}

}  // namespace
}  // namespace lru::kernel
