// The kernel's doubly linked list (include/linux/list.h), the part list_lru
// needs. Plain accesses: whoever touches a list holds its lock, and TSan shall
// see it when somebody does not.
#ifndef LRUTORTURE_LRU_LIST_H_
#define LRUTORTURE_LRU_LIST_H_

namespace lru {

struct list_head {
  list_head* next = this;
  list_head* prev = this;
  list_head() = default;
  list_head(const list_head&) = delete;
  list_head& operator=(const list_head&) = delete;
};

inline void INIT_LIST_HEAD(list_head* list) { list->next = list->prev = list; }
inline bool list_empty(const list_head* head) { return head->next == head; }

inline void __list_add(list_head* item, list_head* prev, list_head* next) {
  next->prev = item;
  item->next = next;
  item->prev = prev;
  prev->next = item;
}
inline void list_add(list_head* item, list_head* head) {
  __list_add(item, head, head->next);
}
inline void list_add_tail(list_head* item, list_head* head) {
  __list_add(item, head->prev, head);
}
inline void __list_del_entry(list_head* item) {
  item->next->prev = item->prev;
  item->prev->next = item->next;
}
inline void list_del_init(list_head* item) {
  __list_del_entry(item);
  INIT_LIST_HEAD(item);
}
inline void list_move(list_head* item, list_head* head) {
  __list_del_entry(item);
  list_add(item, head);
}
inline void list_move_tail(list_head* item, list_head* head) {
  __list_del_entry(item);
  list_add_tail(item, head);
}
// All of `list` to the head of `head`; `list` is empty afterwards.
inline void list_splice_init(list_head* list, list_head* head) {
  if (list_empty(list)) return;
  list_head* first = list->next;
  list_head* last = list->prev;
  list_head* at = head->next;
  first->prev = head;
  head->next = first;
  last->next = at;
  at->prev = last;
  INIT_LIST_HEAD(list);
}

}  // namespace lru

#endif  // LRUTORTURE_LRU_LIST_H_
