#!/usr/bin/env python3
"""Is a mistake in a kernel's own mm/list_lru.c caught?

mutate_kernel.py [--engine stress|explore|both] [--preset release]
                 [--seconds 10] [--schedules 3000] [--runs 3] [--jobs N]
                 [--set P=V]...
                 VERSION | --tree DIR  [NAME...]

Makes each mutation below, one line each, in a copy of the tree, of VERSION the
one that scripts/kernel.sh has unpacked, builds the plug-in and tortures it, at
most RUNS times in each engine, JOBS of them side by side; of --tree, those that
its text has a place for. A mutant that does not compile or load, or whose code
is what it was, is an error, not a catch, and so is a command that tries none.
The unmodified tree under the same command must find nothing new. Exit 0: all
caught in each engine, the baseline clean; 1: not; 2: an error; 77: the kernel's
sources cannot be had.

Places are found by function and token; no text of the kernel is in here.
"""

import argparse
import concurrent.futures
import difflib
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# All that is read of a kernel tree; the Makefile, for its version, if it is
# there.
FILES = (ROOT / 'lru/kernel/tree_files').read_text().split()

# name, functions, token, and what: None drops the statement that the token is
# in, a text replaces the token. The place is the first token in the first of
# the functions that has one.
ADD = 'list_lru_add __list_lru_add'
DEL = 'list_lru_del __list_lru_del'
REPARENT = 'memcg_reparent_list_lru_node memcg_reparent_list_lru_one'
FREE = 'memcg_list_lru_free memcg_reparent_list_lrus'
WALK = '__list_lru_walk_one'
MUTATIONS = [
    ('add_unlocked', ADD, r'\bspin_lock\b', None),
    ('add_to_node_0', ADD, r'(?<=\(lru, )nid\b', '0'),
    ('add_not_counted', ADD, r'nlru->nr_items|\batomic_long_inc\b', None),
    ('add_sets_no_bit', ADD, r'\bset_shrinker_bit\b', None),
    ('add_at_the_head', ADD, r'\blist_add_tail\b', 'list_add'),
    ('add_twice', ADD, r'\blist_empty\b', '!lrut_list_empty'),
    ('del_unlocked', DEL, r'\bspin_lock\b', None),
    ('del_from_node_0', DEL, r'(?<=\(lru, )nid\b', '0'),
    ('del_keeps_node_count', DEL, r'nlru->nr_items|\batomic_long_dec\b', None),
    ('del_keeps_list_count', DEL, r'\bl->nr_items', None),
    ('isolate_keeps_count', 'list_lru_isolate', r'\bnr_items\b', None),
    ('move_keeps_count', 'list_lru_isolate_move', r'\bnr_items\b', None),
    ('count_goes_below_zero', 'list_lru_count_one', r'\bcount = 0', None),
    ('count_in_a_later_section', 'list_lru_count_one', r'\bcount = l \?',
     'rcu_read_unlock(); rcu_read_lock(); count = l ?'),
    ('walk_keeps_node_count', WALK, r'nlru->nr_items|\batomic_long_dec\b',
     None),
    ('walk_never_tires', WALK, r'--\*nr_to_walk', None),
    ('walk_counts_none', WALK, r'\bisolated\+\+', None),
    ('walk_rotates_to_the_head', WALK, r'\blist_move_tail\b', 'list_move'),
    ('walk_goes_on', WALK, r'\bgoto restart', 'break'),
    ('ids_stay', 'memcg_reparent_list_lrus', r'\bWRITE_ONCE\b', None),
    ('reparent_unlocked', REPARENT, r'\bspin_lock_irq\b', None),
    ('reparent_leaves_items', REPARENT, r'\blist_splice_init\b', None),
    ('reparent_sets_no_bit', REPARENT, r'\bset_shrinker_bit\b', None),
    ('reparent_counts_none', REPARENT, r'\bdst->nr_items', None),
    ('reparent_keeps_count', REPARENT, r'\bsrc->nr_items = ', None),
    ('freed_at_once', FREE, r'\bkvfree_rcu\((?!\))', 'lrut_kfree_now('),
    ('never_erased', FREE, r'\bxa_erase_irq\b', 'xa_load'),
    ('list_count_not_set', 'init_one_lru', r'\bnr_items\b', None),
    ('alloc_overwrites', 'memcg_list_lru_alloc', r'\bxas_load\b', '!xas_load'),
    ('alloc_leaks', 'memcg_list_lru_alloc', r'\bkfree\(mlru\)', None),
    ('alloc_for_no_id', 'memcg_list_lru_alloc', r'\bindex < 0 \|\| ', ''),
    ('alloc_keeps_old_id', 'memcg_list_lru_alloc',
     r'(?<!int )\bindex = READ_ONCE\b', None),
]


class Failed(Exception):
    pass


class NoPlace(Failed):
    pass


def body(text, function):
    """Where a function's definition begins and ends."""
    for match in re.finditer(r'\b%s\s*\(' % re.escape(function), text):
        brace = re.compile(r'[;{]').search(text, match.end())
        if brace and brace.group() == '{':
            end = text.index('\n}', brace.end())
            return brace.end(), end
    return None


def mutate(text, functions, token, new):
    for function in functions.split():
        place = body(text, function)
        found = place and re.compile(token).search(text, *place)
        if found:
            break
    else:
        raise NoPlace(f'no {token} in {functions}')
    start, end = found.span()
    if new is not None:
        return text[:start] + new + text[end:]
    start = text.rindex('\n', 0, start) + 1
    end = text.index(';', end)
    # A condition of its own stays; what hangs on it goes.
    return text[:start] + text[end:]


def copy_files(tree, copy):
    for name in FILES:
        if name == 'Makefile' and not (tree / name).exists():
            continue
        if not (tree / name).exists():
            raise Failed(f'{tree} has no {name}')
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tree / name, copy / name)


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
        flags = self.build / 'lru/plugin_flags'
        for needed in flags, self.build / 'lrutorture':
            if not needed.exists():
                raise Failed(
                    f'--preset {options.preset}: no {needed.relative_to(ROOT)}:'
                    ' configure and build it first')
        self.flags = flags.read_text().split()
        self.tree = scratch / 'tree'
        copy_files(options.tree, self.tree)

    def plugin(self, name, text, *like):
        """The plug-in of the tree with that list_lru.c; its object code."""
        tree = self.scratch / f'{name}.tree'
        copy_files(self.tree, tree)
        (tree / 'mm/list_lru.c').write_text(text)
        plugin = self.scratch / f'{name}.so'
        done = subprocess.run(
            [ROOT / 'lru/kernel/build_plugin.sh', *like, tree, plugin,
             *self.flags],
            capture_output=True, text=True)
        if done.returncode:
            raise Failed(f'{name} does not compile:\n{done.stderr[:2000]}')
        return plugin, code_of(f'{plugin}.d/list_lru.o')

    def torture(self, plugin, engine, seed):
        """None: nothing new was found; else what."""
        out = self.scratch / f'{plugin.stem}.{engine}.out'
        shutil.rmtree(out, ignore_errors=True)
        limit = (['--schedules', str(self.options.schedules)]
                 if engine == 'explore' else
                 ['--duration', f'{self.options.seconds * 1000:.0f}ms'])
        done = subprocess.run(
            [self.build / 'lrutorture', 'run', self.options.config, '--lru',
             plugin, '--seed', str(seed), '--engine', engine, *limit,
             '--out', out, '--quiet',
             *(word for value in self.options.set
               for word in ('--set', value))],
            capture_output=True, text=True, cwd=ROOT)
        if done.returncode in (0, 3):
            return None
        if done.returncode == 1:
            return done.stdout.splitlines()[0].replace('FINDING ', '')
        raise Failed(f'{plugin.stem}: exit {done.returncode}: '
                     f'{done.stderr[:500]}')

    def first_finding(self, plugin, engine):
        """What the first run that finds something new finds, and its number."""
        for run in range(1, self.options.runs + 1):
            found = self.torture(plugin, engine, run)
            if found:
                return f'{found} (run {run})'
        return None


def mutants_of(text, options):
    """Name and text of each that is asked for and has a place."""
    mutants = []
    for name, *mutation in MUTATIONS:
        if options.names and name not in options.names:
            continue
        try:
            mutants.append((name, mutate(text, *mutation)))
        except NoPlace as error:
            if not options.lenient:
                raise Failed(f'{name}: {error}') from None
            print(f'{name}: no place: {error}', flush=True)
    if not mutants:
        raise Failed('no mutant was tried')
    return mutants


def run(options, scratch):
    """How many are missed, the unmodified tree too if it is not clean."""
    bench = Bench(options, scratch)
    text = (bench.tree / 'mm/list_lru.c').read_text()
    mutants = mutants_of(text, options)
    clean, clean_code = bench.plugin('unmodified', text)

    def baseline(engine):
        found = bench.first_finding(clean, engine)
        return [(f'unmodified: {engine}: '
                 f'{f"NOT CLEAN: {found}" if found else "clean"}', bool(found))]

    def attempt(name, mutated):
        mutant, code = bench.plugin(name, mutated, '--like', clean)
        if code == clean_code:
            raise Failed(f'{name}: its object code is what it was')
        lines = []
        for engine in options.engines:
            found = bench.first_finding(mutant, engine)
            lines.append((f'{name}: {engine}: '
                          f'{f"caught: {found}" if found else "MISSED"}',
                          not found))
        return lines

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(baseline, engine) for engine in options.engines]
        jobs += [pool.submit(attempt, *mutant) for mutant in mutants]
        try:
            for job in jobs:
                for line, is_wrong in job.result():
                    print(line, flush=True)
                    failed += is_wrong
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    print(f'mutants tried: {len(mutants)}')
    return failed


def check_names(names):
    known = [name for name, *_ in MUTATIONS]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" (did you mean '{near[0]}'?)" if near else ''
            raise Failed(f"unknown mutation '{name}'{hint}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--engine', default='stress',
                        choices=['stress', 'explore', 'both'])
    parser.add_argument('--preset', default='release')
    parser.add_argument('--config', default='configs/teardown.json')
    parser.add_argument('--seconds', type=float, default=10)
    parser.add_argument('--schedules', type=int, default=3000)
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--set', action='append', default=[],
                        metavar='/POINTER=VALUE')
    parser.add_argument('--tree', type=pathlib.Path)
    parser.add_argument('names', nargs='*', metavar='VERSION | NAME')
    options = parser.parse_args()
    options.engines = (['stress', 'explore'] if options.engine == 'both'
                       else [options.engine])
    options.lenient = options.tree is not None
    if options.jobs < 1:
        parser.error('--jobs: at least 1')
    try:
        return mutate_all(parser, options)
    except Failed as error:
        print(f'error: {error}', file=sys.stderr)
        return 2


def mutate_all(parser, options):
    version = None
    if not options.tree:
        if not options.names or not re.match(r'\d+\.\d', options.names[0]):
            parser.error('which VERSION, or which --tree?')
        version = options.names.pop(0)
    check_names(options.names)
    if version:
        options.tree = ROOT / 'build/kernel' / version
        if not options.tree.exists():
            got = subprocess.run([ROOT / 'scripts/kernel.sh', version],
                                 capture_output=True, text=True)
            if got.returncode:
                print(got.stderr)
                return 77 if got.returncode == 2 else 2
    with tempfile.TemporaryDirectory() as scratch:
        return 1 if run(options, pathlib.Path(scratch)) else 0


if __name__ == '__main__':
    sys.exit(main())
