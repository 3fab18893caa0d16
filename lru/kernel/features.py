#!/usr/bin/env python3
"""features.py TREE: prints features.h, what the shim must know of a kernel tree.

Every difference between versions that the shim cannot pass over is one line of
FEATURES: a macro, the file of the tree that tells, a pattern that is found there
or not, and what it means. For the next version, add a line here and use its
macro in bridge.c or shim.h.
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
]


def version(tree):
    makefile = tree / 'Makefile'
    found = dict(
        re.findall(r'^(VERSION|PATCHLEVEL|SUBLEVEL)\s*=\s*(\d+)',
                   makefile.read_text(), re.M) if makefile.exists() else [])
    return [int(found.get(key, 0))
            for key in ('VERSION', 'PATCHLEVEL', 'SUBLEVEL')]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    tree = pathlib.Path(sys.argv[1])
    comment = re.compile(r'/\*.*?\*/', re.S)
    text = {name: comment.sub(' ', (tree / name).read_text(errors='replace'))
            for name in (C, H)}
    major, minor, patch = version(tree)
    name = f'{major}.{minor}.{patch}' if major else 'unknown'
    print('/* Made by lru/kernel/features.py from a kernel tree. */')
    print(f'#define LRUT_VERSION "{name}"')
    print(f'#define LRUT_VERSION_CODE {major << 16 | minor << 8 | patch}')
    for macro, where, pattern, meaning in FEATURES:
        print(f'#define {macro} {int(bool(re.search(pattern, text[where])))}'
              f' /* {meaning} */')


if __name__ == '__main__':
    main()
