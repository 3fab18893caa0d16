/* Before mm/list_lru.c, and before no other file: calls that it makes of
 * list.h and xarray.h, after which the program can say what has happened to an
 * item or a list. The functions themselves are the tree's. */
#ifndef LRUTORTURE_LRU_KERNEL_HOOKS_H_
#define LRUTORTURE_LRU_KERNEL_HOOKS_H_

#include <linux/list_lru.h>

#define lrut_if_armed(call)                          \
  do {                                               \
    if (lrut_armed(LRUT_ARMED_ANY)) lrut_host->call; \
  } while (0)

static inline bool lrut_list_empty(const struct list_head *item) {
  lrut_if_armed(saw_item(item));
  return list_empty(item);
}
static inline void lrut_list_add_tail(struct list_head *item,
                                      struct list_head *head) {
  list_add_tail(item, head);
  lrut_if_armed(linked(item, head));
}
static inline void lrut_list_add(struct list_head *item,
                                 struct list_head *head) {
  list_add(item, head);
  lrut_if_armed(linked(item, head));
}
static inline void lrut_list_del_init(struct list_head *item) {
  list_del_init(item);
  lrut_if_armed(unlinked(item));
}
static inline void lrut_list_del(struct list_head *item) {
  list_del(item);
  lrut_if_armed(unlinked(item));
}
static inline void lrut_list_move(struct list_head *item,
                                  struct list_head *head) {
  list_move(item, head);
  lrut_if_armed(unlinked(item));
}
static inline void lrut_list_splice_init(struct list_head *list,
                                         struct list_head *head) {
  lrut_if_armed(splicing(list, head));
  list_splice_init(list, head);
  lrut_if_armed(spliced());
}
static inline void *lrut_xa_load(struct xarray *xa, unsigned long index) {
  void *entry = xa_load(xa, index);
  lrut_if_armed(saw_lists((long)index, entry));
  return entry;
}
static inline void *lrut_xa_erase(struct xarray *xa, unsigned long index,
                                  void *(*erase)(struct xarray *,
                                                 unsigned long)) {
  lrut_if_armed(erasing(container_of(xa, struct list_lru, xa), (long)index));
  void *entry = erase(xa, index);
  lrut_if_armed(erased((long)index, entry));
  return entry;
}
static inline void *lrut_xas_store(struct xa_state *xas, void *entry) {
  /* Never asked whether armed: a list has its owner from the start. */
  if (entry) lrut_host->storing(entry, (long)xas->xa_index);
  void *before = xas_store(xas, entry);
  if (entry && !xas_error(xas))
    lrut_if_armed(stored(entry, (long)xas->xa_index));
  return before;
}

#define list_empty(item) lrut_list_empty(item)
#define list_add_tail(item, head) lrut_list_add_tail(item, head)
#define list_add(item, head) lrut_list_add(item, head)
#define list_del_init(item) lrut_list_del_init(item)
#define list_del(item) lrut_list_del(item)
#define list_move(item, head) lrut_list_move(item, head)
#define list_splice_init(list, head) lrut_list_splice_init(list, head)
#define xa_load(xa, index) lrut_xa_load(xa, index)
#define xa_erase(xa, index) lrut_xa_erase(xa, index, xa_erase)
#define xa_erase_irq(xa, index) lrut_xa_erase(xa, index, xa_erase_irq)
#define xas_store(xas, entry) lrut_xas_store(xas, entry)

#endif /* LRUTORTURE_LRU_KERNEL_HOOKS_H_ */
