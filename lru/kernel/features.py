#!/usr/bin/env python3
"""features.py TREE: prints features.h, what the shim must know of a kernel tree.

Every difference between versions that the shim cannot pass over is one line of
FEATURES: a macro, the file of the tree that tells, a pattern that is found there
or not, and what it means. For the next version, add a line here and use its
macro in bridge.c or shim.h.

BUGS tells which bugs that are no news the text has, for known_findings.json: a
tree has what its text has, whatever its Makefile calls it.
"""

import pathlib
import re
import sys

C = 'mm/list_lru.c'
H = 'include/linux/list_lru.h'

FEATURES = [
    ('LRUT_MEMCG_ARGUMENTS', H, r'\blist_lru_add\s*\([^)]*\bnid\b',
     'add and del are told the nid and the memcg (6.8)'),
    ('LRUT_ADD_OBJ', H, r'\blist_lru_add_obj\s*\(',
     'add_obj and del_obj look them up (6.8)'),
    ('LRUT_STOP', H, r'\bLRU_STOP\b', 'a walk can be stopped (6.8)'),
    ('LRUT_LIST_LOCK', H,
     r'struct\s+list_lru_one\s*\{[^}]*\bspinlock_t\b[^}]*\}',
     'a lock for each list, a dead mark, lookups that climb, callbacks that '
     'return unlocked; lists are reparented before objcgs (6.13)'),
    ('LRUT_CALLBACK_LOCK', H,
     r'\(\s*\*\s*list_lru_walk_cb\s*\)\s*\([^)]*\bspinlock_t\b',
     'a walk tells its callback the lock (up to 6.12)'),
    ('LRUT_LOCKDEP_KEY_ARGUMENT', H,
     r'\b__list_lru_init\s*\([^)]*\block_class_key\b',
     '__list_lru_init is given a key (up to 6.12)'),
    ('LRUT_ATOMIC_NODE_COUNT', H, r'\batomic_long_t\s+nr_items\b',
     "a node's nr_items is atomic (6.13)"),
    ('LRUT_CALLER_LOCKED', H, r'\b__list_lru_add\s*\(',
     'list_lru_lock() and what is done under it; the counts of nodes change '
     'under the lock (7.2)'),
    ('LRUT_XA_LOCK_IRQ', C, r'\bXA_FLAGS_LOCK_IRQ\b',
     'interrupts take the lock of the xarray as well'),
]

# The body of one function has the first pattern; none has the second.
BUGS = [
    # The memcg that was passed in, whosever list the item went to.
    ('bit_on_given_memcg',
     r'^(?=.*\b(?:spin_lock|lock_list_lru_of_memcg)\s*\()(?!.*\bmemcg\s*=[^=])'
     r'.*\bnr_items\+\+\s*\)\s*\{?\s*set_shrinker_bit\s*\(\s*memcg\b',
     r'[;{})]\s*\*\s*\w+\s*=\s*parent_mem_cgroup\s*\('),
    ('slot_emptied_before_drain',
     r'\b(?:xas_store\s*\([^;]*\bNULL|xa_erase\w*\s*\().*\bfor_each_node\b',
     None),
    ('ids_rewritten_in_the_tree',
     r'\bcss_for_each_descendant_pre\b.*\bkmemcg_id\b', None),
    ('node_counted_after_unlock',
     r'\b(?:spin_unlock|unlock_list_lru)\s*\([^;]*;\s*atomic_long_(?:inc|dec)\b',
     None),
    ('list_found_by_a_lost_id',
     r'\bmemcg_kmem_id\s*\(.*=\s*parent_mem_cgroup\s*\(',
     r'\bkmemcg_id\s*=[^=]|\bWRITE_ONCE\s*\([^,;]*kmemcg_id'),
    ('memcg_of_obj_outside_rcu',
     r'^(?!.*\brcu_read_lock\b).*\bmem_cgroup_from_slab_obj\s*\(\s*item\b.*'
     r'\blist_lru_add\s*\(', None),
    ('error_of_an_ancestor_lost',
     r'\bwhile\s*\(\s*i--\s*\)\s*\{(?!.*(?:\bbreak\b|\b(?:err|error|ret)\s*=))'
     r'(?:(?!\bxas_error\b).)*\bxas_set\s*\(', None),
]


def code(text):
    return re.sub(r'/\*.*?\*/|//[^\n]*', ' ', text, flags=re.S)


def bodies(text):
    return re.findall(r'^\{$.*?^\}', text, re.M | re.S)


def bugs(text):
    text = code(text)
    found = []
    for name, has, unless in BUGS:
        if unless and re.search(unless, text):
            continue
        if any(re.search(has, body, re.S) for body in bodies(text)):
            found.append(name)
    return found


def version(tree):
    """VERSION.PATCHLEVEL.SUBLEVEL as the Makefile has them."""
    makefile = tree / 'Makefile'
    found = dict(
        re.findall(r'^(VERSION|PATCHLEVEL|SUBLEVEL)\s*=\s*(\d+)',
                   makefile.read_text(), re.M) if makefile.exists() else [])
    if 'VERSION' not in found:
        return 'unknown'
    return '.'.join(found.get(key, '0')
                    for key in ('VERSION', 'PATCHLEVEL', 'SUBLEVEL'))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    tree = pathlib.Path(sys.argv[1])
    text = {name: (tree / name).read_text(errors='replace')
            for name in (C, H)}
    print('/* Made by lru/kernel/features.py from a kernel tree. */')
    print(f'#define LRUT_VERSION "{version(tree)}"')
    print(f'#define LRUT_BUGS "{" ".join(bugs(text[C]))}"')
    for macro, where, pattern, meaning in FEATURES:
        has = re.search(pattern, code(text[where]))
        print(f'#define {macro} {int(bool(has))} /* {meaning} */')


if __name__ == '__main__':
    main()
