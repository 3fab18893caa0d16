#!/usr/bin/env python3
"""Is a mistake in a kernel's own mm/list_lru.c caught?

mutate_kernel.py [--preset release] [--seconds 10] [--runs 3] VERSION [NAME...]

Makes each mutation below, one line each, in a copy of the tree that
scripts/kernel.sh has unpacked, builds the plug-in and tortures it, at most
RUNS times. A mutant that does not compile or load, or whose code is what it
was, is an error, not a catch. The unmodified tree under the same command must
find nothing new. Exit 0: all caught, the baseline clean; 1: not; 2: an error;
77: the kernel's sources cannot be had.

Places are found by function and token; no text of the kernel is in here.
"""

import argparse
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# name, function, token, which one of them in it, and what: None drops the
# statement that the token is in, a text replaces the token.
MUTATIONS = [
    ('add_unlocked', 'list_lru_add', r'\bspin_lock\b', 0, None),
    ('add_not_counted', 'list_lru_add', r'nlru->nr_items', 0, None),
    ('add_sets_no_bit', 'list_lru_add', r'\bset_shrinker_bit\b', 0, None),
    ('add_twice', 'list_lru_add', r'\blist_empty\b', 0,
     '!lrut_list_empty'),
    ('del_unlocked', 'list_lru_del', r'\bspin_lock\b', 0, None),
    ('del_keeps_node_count', 'list_lru_del', r'nlru->nr_items', 0, None),
    ('del_keeps_list_count', 'list_lru_del', r'\bl->nr_items', 0, None),
    ('isolate_keeps_count', 'list_lru_isolate', r'\bnr_items\b', 0, None),
    ('move_keeps_count', 'list_lru_isolate_move', r'\bnr_items\b', 0, None),
    ('count_goes_below_zero', 'list_lru_count_one', r'\bcount = 0', 0, None),
    ('walk_keeps_node_count', '__list_lru_walk_one', r'nlru->nr_items', 0,
     None),
    ('walk_never_tires', '__list_lru_walk_one', r'--\*nr_to_walk', 0, None),
    ('walk_counts_none', '__list_lru_walk_one', r'\bisolated\+\+', 0, None),
    ('walk_rotates_to_the_head', '__list_lru_walk_one', r'\blist_move_tail\b',
     0, 'list_move'),
    ('walk_goes_on', '__list_lru_walk_one', r'\bgoto restart', 0, 'break'),
    ('ids_stay', 'memcg_reparent_list_lrus', r'\bWRITE_ONCE\b', 0, None),
    ('reparent_unlocked', 'memcg_reparent_list_lru_node', r'\bspin_lock_irq\b',
     0, None),
    ('reparent_leaves_items', 'memcg_reparent_list_lru_node',
     r'\blist_splice_init\b', 0, None),
    ('reparent_sets_no_bit', 'memcg_reparent_list_lru_node',
     r'\bset_shrinker_bit\b', 0, None),
    ('reparent_counts_none', 'memcg_reparent_list_lru_node',
     r'\bdst->nr_items', 0, None),
    ('freed_at_once', 'memcg_list_lru_free', r'\bkvfree_rcu\((?!\))', 0,
     'lrut_kfree_now('),
    ('never_erased', 'memcg_list_lru_free', r'\bxa_erase_irq\b', 0, 'xa_load'),
    ('alloc_overwrites', 'memcg_list_lru_alloc', r'\bxas_load\b', 0,
     '!xas_load'),
    ('alloc_leaks', 'memcg_list_lru_alloc', r'\bkfree\(mlru\)', 0, None),
]


class Failed(Exception):
    pass


def body(text, function):
    """Where a function's definition begins and ends."""
    for match in re.finditer(r'\b%s\s*\(' % re.escape(function), text):
        brace = re.compile(r'[;{]').search(text, match.end())
        if brace and brace.group() == '{':
            end = text.index('\n}', brace.end())
            return brace.end(), end
    return None


def mutate(text, function, token, nth, new):
    place = body(text, function)
    if place is None:
        raise Failed(f'no function {function}()')
    found = list(re.compile(token).finditer(text, *place))
    if len(found) <= nth:
        raise Failed(f'{function}() has no {token} number {nth}')
    start, end = found[nth].span()
    if new is not None:
        return text[:start] + new + text[end:]
    start = text.rindex('\n', 0, start) + 1
    end = text.index(';', end)
    # A condition of its own stays; what hangs on it goes.
    return text[:start] + text[end:]


def code_of(object_file):
    out = subprocess.run(
        ['objdump', '-d', '-r', '--no-show-raw-insn', str(object_file)],
        check=True, capture_output=True).stdout
    return hashlib.sha256(out.split(b'Disassembly', 1)[1]).hexdigest()


class Bench:
    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch
        self.build = ROOT / 'build' / options.preset
        self.tree = ROOT / 'build' / 'kernel' / options.version
        self.flags = (self.build / 'lru/plugin_flags').read_text().split()

    def plugin(self, name, text):
        """The plug-in of a tree with that list_lru.c; its object code."""
        tree = self.scratch / 'tree'
        if not tree.exists():
            shutil.copytree(self.tree, tree)
        (tree / 'mm/list_lru.c').write_text(text)
        plugin = self.scratch / f'{name}.so'
        done = subprocess.run(
            [ROOT / 'lru/kernel/build_plugin.sh', tree, plugin, *self.flags],
            capture_output=True, text=True)
        if done.returncode:
            raise Failed(f'does not compile:\n{done.stderr[:2000]}')
        return plugin, code_of(f'{plugin}.d/list_lru.o')

    def torture(self, plugin, seed):
        """None: nothing new was found; else what."""
        out = self.scratch / 'out'
        shutil.rmtree(out, ignore_errors=True)
        done = subprocess.run(
            [self.build / 'lrutorture', 'run', self.options.config, '--lru',
             plugin, '--seed', str(seed), '--duration',
             f'{self.options.seconds}s', '--out', out, '--quiet'],
            capture_output=True, text=True, cwd=ROOT)
        if done.returncode in (0, 3):
            return None
        if done.returncode == 1:
            return done.stdout.splitlines()[0].replace('FINDING ', '')
        raise Failed(f'exit {done.returncode}: {done.stderr[:500]}')


def run(options, scratch):
    bench = Bench(options, scratch)
    text = (bench.tree / 'mm/list_lru.c').read_text()
    clean, clean_code = bench.plugin('clean', text)
    failed = False
    for seed in range(1, options.runs + 1):
        found = bench.torture(clean, seed)
        if found:
            print(f'unmodified: NOT CLEAN: {found}', flush=True)
            failed = True
            break
    else:
        print('unmodified: clean', flush=True)
    for name, function, token, nth, new in MUTATIONS:
        if options.names and name not in options.names:
            continue
        try:
            mutant, code = bench.plugin(
                name, mutate(text, function, token, nth, new))
            if code == clean_code:
                raise Failed('its object code is what it was')
            for seed in range(1, options.runs + 1):
                found = bench.torture(mutant, seed)
                if found:
                    break
        except Failed as error:
            print(f'{name}: ERROR: {error}', flush=True)
            return 2
        print(f'{name}: {f"caught: {found} (run {seed})" if found else "MISSED"}',
              flush=True)
        failed |= not found
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--preset', default='release')
    parser.add_argument('--config', default='configs/teardown.json')
    parser.add_argument('--seconds', type=int, default=10)
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('version')
    parser.add_argument('names', nargs='*')
    options = parser.parse_args()
    if not (ROOT / 'build/kernel' / options.version).exists():
        got = subprocess.run([ROOT / 'scripts/kernel.sh', options.version],
                             capture_output=True, text=True)
        if got.returncode:
            print(got.stderr)
            return 77 if got.returncode == 2 else 2
    with tempfile.TemporaryDirectory() as scratch:
        return run(options, pathlib.Path(scratch))


if __name__ == '__main__':
    sys.exit(main())
