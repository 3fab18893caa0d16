#!/usr/bin/env python3
"""Tests of a kernel's own list_lru: what is built, loaded, found and said.

kernel_test.py BUILD_DIR. Exits 77 (skipped) where the kernel's sources cannot
be had; nothing else skips it.
"""

import filecmp
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from mutate_kernel import FILES, copy_files, mutate

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'lru/kernel'))
import features  # noqa: E402

VERSION = '6.12'
BUILD = pathlib.Path()


def run(*command, **options):
    return subprocess.run([str(part) for part in command], text=True,
                          capture_output=True, cwd=ROOT, **options)


def tree():
    return ROOT / 'build' / 'kernel' / VERSION


def build_mutant(scratch, mistakes):
    copy = scratch / 'tree'
    shutil.copytree(tree(), copy)
    text = (copy / 'mm/list_lru.c').read_text()
    for function, token, new in mistakes:
        text = mutate(text, function, token, new)
    (copy / 'mm/list_lru.c').write_text(text)
    flags = (BUILD / 'lru/plugin_flags').read_text().split()
    plugin = scratch / 'mutant.so'
    done = run(ROOT / 'lru/kernel/build_plugin.sh', copy, plugin, *flags)
    assert done.returncode == 0, done.stderr
    return plugin


def torture(*arguments, seconds=3):
    with tempfile.TemporaryDirectory() as out:
        done = run(BUILD / 'lrutorture', 'run', '--duration',
                   f'{int(seconds * 1000)}ms',
                   '--seed', '1', '--out', f'{out}/run', *arguments)
        report = pathlib.Path(out, 'run/report.json')
        text = report.read_text() if report.exists() else 'null'
    return done, json.loads(text)


class Sources(unittest.TestCase):
    def test_what_is_compiled_is_the_trees_byte_for_byte(self):
        built = BUILD / f'lru/kernel-{VERSION}.so.d'
        for name in FILES:
            if name == 'Makefile':
                continue
            copy = built / name
            if not copy.exists():
                copy = built / pathlib.Path(name).name
            self.assertTrue(
                filecmp.cmp(tree() / name, copy, shallow=False), name)

    def test_one_symbol_is_exported_and_the_programs_are_not_named(self):
        out = run('nm', '-D', '--defined-only',
                  BUILD / f'lru/kernel-{VERSION}.so').stdout
        names = sorted(line.split()[-1] for line in out.splitlines())
        names = [n for n in names if not n.startswith('__')]
        self.assertEqual(names, ['lrutorture_plugin', 'lrutorture_plugin_abi'])


# Which bugs a text has, whatever its version: as it is, and mended by hand.
class Bugs(unittest.TestCase):
    def setUp(self):
        self.text = (tree() / 'mm/list_lru.c').read_text()

    def test_each_that_the_unmodified_text_has(self):
        self.assertEqual(features.bugs(self.text),
                         ['bit_on_given_memcg', 'ids_rewritten_in_the_tree',
                          'error_of_an_ancestor_lost'])

    def changed(self, token, new):
        self.assertIn(token, self.text)
        return features.bugs(self.text.replace(token, new))

    def test_none_where_it_is_mended(self):
        self.assertNotIn('bit_on_given_memcg', self.changed(
            'set_shrinker_bit(memcg', 'set_shrinker_bit(owner'))
        self.assertNotIn('error_of_an_ancestor_lost', self.changed(
            'xas_set(', 'if (xas_error(&xas)) break; xas_set('))
        self.assertNotIn('ids_rewritten_in_the_tree', self.changed(
            'css_for_each_descendant_pre(', 'for_all_there_are('))

    def test_where_it_is_put_in(self):
        self.assertIn('slot_emptied_before_drain', self.changed(
            'for_each_node(i)', 'xa_erase(&lru->xa, i); for_each_node(i)'))
        self.assertIn('memcg_of_obj_outside_rcu', self.changed(
            'rcu_read_lock();', ''))
        self.assertIn('node_counted_after_unlock', self.changed(
            'EXPORT_SYMBOL_GPL(list_lru_add);',
            'bool f(void)\n{\nspin_unlock(l); atomic_long_inc(n);\n}\n'))

    def test_a_comment_has_none(self):
        self.assertNotIn('node_counted_after_unlock', self.changed(
            'EXPORT_SYMBOL_GPL(list_lru_add);',
            'bool f(void)\n{\n/* spin_unlock(l); atomic_long_inc(n); */\n}\n'))

    def test_known_findings_name_what_there_is(self):
        known = json.loads(
            (ROOT / 'lru/kernel/known_findings.json').read_text())
        invariants = run(BUILD / 'lrutorture', 'list', 'invariants').stdout
        invariants = {line.split()[0] for line in invariants.splitlines()
                      if line.strip()}
        for finding in known['findings']:
            with self.subTest(finding['bug']):
                self.check_entry(finding, invariants)

    def check_entry(self, finding, invariants):
        ends_run = finding.pop('ends_run', True)
        self.assertIs(ends_run, True)
        self.assertEqual(set(finding), {
            'bug', 'when', 'versions', 'violation', 'sentence', 'established'})
        self.assertIn(finding['when'], [name for name, *_ in features.BUGS])
        for name in ('bug', 'sentence', 'established'):
            self.assertTrue(finding[name].strip())
        versions = [version for pair in finding['versions']
                    for version in pair]
        for version in versions:
            self.assertRegex(version, r'^\d+\.\d+(\.\d+)?$')
        numbers = [[int(n) for n in version.split('.')]
                   for version in versions]
        self.assertEqual(numbers, sorted(numbers))
        for pair in finding['versions'][:-1]:
            self.assertEqual(len(pair), 2)
        for violation in finding['violation']:
            invariant, what = violation.split('|')
            self.assertIn(invariant, invariants)
            self.assertTrue(what, 'that is all which has no name of its own')


class Loading(unittest.TestCase):
    def test_is_listed_with_its_version(self):
        out = run(BUILD / 'lrutorture', 'list', 'lrus').stdout
        self.assertRegex(out, rf'kernel-{VERSION} .*Linux {VERSION}\.')

    def test_its_points_are_listed(self):
        done = run(BUILD / 'lrutorture', 'list', 'points', '--lru',
                   f'kernel-{VERSION}')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('kmemcg_ids_changed', done.stdout)
        self.assertNotIn('list_marked_dead', done.stdout)

    def test_its_implicit_points_are_those_it_is_seen_to_pass(self):
        done = run(BUILD / 'lrutorture', 'list', 'points', '--implicit',
                   '--json', '--lru', f'kernel-{VERSION}')
        self.assertIn('seen to pass', done.stderr)
        names = {point['name'] for point in json.loads(done.stdout)}
        self.assertLessEqual(
            {'list_lru_add/list_lru_add>spin_lock',
             'list_lru_add_obj/xa_load>rcu_read_unlock',
             'list_lru_count_one/list_lru_count_one>load',
             'memcg_reparent_list_lrus/memcg_reparent_list_lru_node>'
             'spin_lock_irq', '-/css_killed_work_fn>mutex_lock'}, names)

    # A piece ends with the first finding, and sees no point behind it.
    def test_how_much_of_a_list_of_implicit_points_is_missing_is_said(self):
        with tempfile.TemporaryDirectory() as scratch:
            plugin = build_mutant(pathlib.Path(scratch), [
                ('list_lru_isolate', r'\blist_del_init\b',
                 'WARN_ON(item); list_del_init')])
            done = run(BUILD / 'lrutorture', 'list', 'points', '--implicit',
                       '--json', '--lru', plugin)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(json.loads(done.stdout))
        self.assertRegex(
            done.stderr,
            r'[1-9]\d* of the 12 processes .* ended early, .*: .*'
            r'[1-9]\d* by invariant\|kernel_warning\|item,list_lru_isolate\b')

    def refused(self, lru, *words):
        done = run(BUILD / 'lrutorture', 'run', '--lru', lru)
        self.assertEqual(done.returncode, 2, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_a_file_that_is_not_there_is_an_error(self):
        self.refused('kernel-2.4', 'no file', 'scripts/kernel.sh 2.4')
        self.refused('none.so', 'no file')

    def test_a_file_that_is_no_plug_in_is_an_error(self):
        with tempfile.NamedTemporaryFile(suffix='.so') as empty:
            self.refused(empty.name, 'cannot be loaded')

    def test_a_plug_in_that_is_cut_short_is_an_error(self):
        whole = (BUILD / f'lru/kernel-{VERSION}.so').read_bytes()
        for size in (100, 4096, len(whole) // 2, len(whole) - 1):
            with self.subTest(size), \
                    tempfile.NamedTemporaryFile(suffix='.so') as part:
                part.write(whole[:size])
                part.flush()
                self.refused(part.name, 'cannot be loaded',
                             f'cut short: it has {size} bytes')

    def test_another_sanitizers_plug_in_is_an_error(self):
        flags = (BUILD / 'lru/plugin_flags').read_text().split()
        cxx = flags[0]
        plain = [f for f in flags[1:] if 'sanitize' not in f and
                 not f.startswith('-DLRU_')]
        other = '-DLRU_TSAN=1' if plain == flags[1:] else '-DLRU_NONE=1'
        with tempfile.TemporaryDirectory() as scratch:
            plugin = f'{scratch}/other.so'
            done = run(ROOT / 'lru/kernel/build_plugin.sh', tree(), plugin,
                       cxx, *plain, other)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.refused(plugin, 'was built for', 'this program is')


class Runs(unittest.TestCase):
    def test_an_unmodified_kernel_has_its_known_findings_and_no_other(self):
        done, report = torture('--lru', f'kernel-{VERSION}', seconds=5)
        self.assertEqual(done.returncode, 0, done.stdout)
        known = {finding['bug'] for finding in report['known']}
        self.assertLessEqual(known, {'79a031583ca5', 'd5'})
        if 'sanitize' not in (BUILD / 'lru/plugin_flags').read_text():
            self.assertIn('79a031583ca5', known)  # some 10 a second
            self.assertIn(f'known: {len(known)}', done.stdout)
        self.assertEqual(report['config']['model'],
                         {'unlink': 'release', 'id_release': 'offline'})

    def test_strict_makes_a_finding_of_what_is_known(self):
        done, report = torture('--strict', '--lru', f'kernel-{VERSION}',
                               seconds=10)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(report['finding']['invariant'], 'shrinker_bit')
        self.assertEqual(report['known'], [])

    def test_a_control_of_callers_is_caught(self):
        for name in ('del_wrong_nid', 'del_from_dispose_list'):
            done, _ = torture('--busted', name, '--lru', f'kernel-{VERSION}',
                              seconds=10)
            self.assertEqual(done.returncode, 1, f'{name}: {done.stdout}')

    def test_a_fault_at_an_implicit_point_fires_or_is_told(self):
        there = 'list_lru_add_obj/list_lru_add>spin_lock:done'
        nowhere = 'list_lru_add_obj/list_lru_ad>spin_lock'
        faults = [{'at': at, 'delay_us': 1} for at in (there, nowhere)]
        done, report = torture('--lru', f'kernel-{VERSION}', '--set',
                               f'/faults={json.dumps(faults)}', seconds=0.3)
        self.assertGreater(report['faults'][0]['fired'], 0)
        self.assertIn(f'{nowhere} has never fired', done.stdout)
        self.assertNotIn(f'{there} has', done.stdout)

    def test_several_lrus_in_one_process(self):
        with tempfile.TemporaryDirectory() as scratch:
            config = pathlib.Path(scratch, 'small.json')
            names = ['node-lock', f'kernel-{VERSION}', 'memcg-lock']
            for name in names:
                pathlib.Path(scratch, f'{name}.json').write_text(
                    json.dumps({'name': name, 'lru': name,
                                'duration_ms': 300}))
            config.write_text('')
            suite = pathlib.Path(scratch, 'all.list')
            suite.write_text('\n'.join(f'{name}.json' for name in names))
            done = run(BUILD / 'lrutorture', 'run', suite, '--seed', '1',
                       '--out', f'{scratch}/out')
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


# Lookups with no lock, and an xarray that each teardown leaves empty.
class Suppressions(unittest.TestCase):
    def test_each_is_needed(self):
        if 'thread' not in (BUILD / 'lru/plugin_flags').read_text():
            self.skipTest('of ThreadSanitizer')
        listed = json.loads(run(BUILD / 'lrutorture', 'list', 'suppressions',
                                '--json').stdout)
        with tempfile.TemporaryDirectory() as scratch:
            config = pathlib.Path(scratch, 'config.json')
            config.write_text(json.dumps({
                'topology': {'nids': 1, 'lrus': 1, 'memcgs': 1, 'depth': 1,
                             'objects': 8},
                'actors': [{'type': 'adder', 'count': 2},
                           {'type': 'counter', 'count': 2},
                           {'type': 'walker'}, {'type': 'destroyer'}]}))
            # In this process, which then says what it has suppressed.
            done = run(BUILD / 'lrutorture', 'run', config, '--no-fork',
                       '--engine', 'explore', '--schedules', '200', '--seed',
                       '2', '--lru', f'kernel-{VERSION}', '--out',
                       f'{scratch}/out',
                       env={**os.environ,
                            'TSAN_OPTIONS': 'print_suppressions=1'})
        self.assertEqual(done.returncode, 0, done.stdout)
        for suppression in listed:
            self.assertIn(suppression['pattern'], done.stderr)


# What a plug-in alone can do wrong. One mutant has all of it: who acts, and on
# what, decides what is met.
class Mistakes(unittest.TestCase):
    MISTAKES = [
        ('list_lru_isolate', r'\blist_del_init\b',
         'WARN_ON(item); list_del_init'),
        ('memcg_init_list_lru_one', r'\bnr_node_ids\b',
         'nr_node_ids - (nr_node_ids > 2)'),
        ('list_lru_destroy', r'\bkfree\b', 'BUG_ON(lru); kfree'),
        ('memcg_reparent_list_lru_node', r'\bspin_lock_irq\b', 'spin_lock'),
    ]

    @classmethod
    def setUpClass(cls):
        cls.scratch = pathlib.Path(
            cls.enterClassContext(tempfile.TemporaryDirectory()))
        build_mutant(cls.scratch, cls.MISTAKES)

    def found(self, *actors, **topology):
        config = self.scratch / 'config.json'
        config.write_text(json.dumps(
            {'actors': [{'type': actor} for actor in actors],
             'topology': topology}))
        done, report = torture(config, '--lru', self.scratch / 'mutant.so',
                               seconds=0.5)
        self.assertEqual(done.returncode, 1, done.stdout)
        return report['finding']

    def test_a_warning_is_a_finding_that_says_what_and_where(self):
        found = self.found('adder', 'shrinker')
        self.assertEqual(found['signature'],
                         'invariant|kernel_warning|item,list_lru_isolate')

    def test_a_bug_ends_the_run(self):
        found = self.found('counter')
        self.assertEqual(found['signature'],
                         'invariant|kernel_bug|lru,list_lru_destroy')

    def test_an_interrupts_lock_held_with_interrupts_on_is_seen(self):
        found = self.found('adder', 'destroyer', irq_lrus=2)
        self.assertEqual(found['signature'],
                         'invariant|lock_order|nlru->lock,interrupts on')

    def test_one_element_too_many_is_seen(self):
        found = self.found('adder', 'destroyer', nids=3)
        if 'address' in (BUILD / 'lru/plugin_flags').read_text():
            self.assertEqual(found['kind'], 'memory_error')
            self.assertIn('use-after-poison', found['signature'])
        else:
            self.assertEqual(found['signature'],
                             'invariant|kernel_overrun|list_lru_memcg')


# A command that proves nothing says so.
class Mutate(unittest.TestCase):
    def refused(self, words, *arguments):
        done = run(sys.executable, ROOT / 'scripts/mutate_kernel.py',
                   *arguments)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertNotIn('unmodified', done.stdout)

    def test_no_such_name(self):
        self.refused("'add_unlock' (did you mean 'add_unlocked'?)", VERSION,
                     'add_unlock')
        self.refused(f"unknown mutation '{VERSION}'", '--tree', tree(),
                     VERSION)

    def test_no_such_preset(self):
        self.refused('--preset none: no build/none/lru/plugin_flags',
                     '--preset', 'none', VERSION)

    def test_no_such_tree(self):
        self.refused('/nonexistent has no mm/list_lru.c', '--tree',
                     '/nonexistent')

    def test_no_place_for_any(self):
        with tempfile.TemporaryDirectory() as scratch:
            copy_files(tree(), pathlib.Path(scratch))
            pathlib.Path(scratch, 'mm/list_lru.c').write_text('')
            self.refused('no mutant was tried', '--tree', scratch)

    def test_what_else_is_in_a_tree_is_not_copied(self):
        with tempfile.TemporaryDirectory() as scratch:
            big = pathlib.Path(scratch, 'linux')
            copy_files(tree(), big)
            (big / '.git').mkdir()
            copy = pathlib.Path(scratch, 'copy')
            copy_files(big, copy)
            self.assertEqual(
                {str(path.relative_to(copy)) for path in copy.rglob('*')
                 if path.is_file()}, set(FILES))
            self.assertFalse((copy / '.git').exists())


# A history in which the fault comes in between commits that cannot be told.
class Bisect(unittest.TestCase):
    # Or users find them among their lrus.
    def tearDown(self):
        for name in 'test-bisected', 'test-broken':
            for made in ROOT.glob(f'build/*/lru/kernel-{name}.so*'):
                shutil.rmtree(made) if made.is_dir() else made.unlink()

    def test_git_bisect_finds_the_first_bad_commit(self):
        with tempfile.TemporaryDirectory() as scratch:
            repo = pathlib.Path(scratch, 'linux')
            shutil.copytree(tree(), repo)
            env = dict(os.environ, GIT_AUTHOR_NAME='t', GIT_AUTHOR_EMAIL='t',
                       GIT_COMMITTER_NAME='t', GIT_COMMITTER_EMAIL='t',
                       GIT_CONFIG_GLOBAL='/dev/null')

            def git(*arguments):
                return subprocess.run(['git', *arguments], cwd=repo, env=env,
                                      text=True, capture_output=True)
            git('init', '-q')
            source = repo / 'mm/list_lru.c'
            good = source.read_text()
            # Taken out of the second function that has it: del.
            at = good.index('nlru->nr_items--')
            bad = good[:at] + good[at:].replace('nlru->nr_items--', '', 1)
            texts = [good, good + '\n#error broken\n', good + '\n',
                     bad, bad + '\n#error broken\n', bad + '\n\n']
            commits = []
            for text in texts:
                source.write_text(text)
                git('add', '-A')
                git('commit', '-q', '-m', 'one')
                commits.append(git('rev-parse', 'HEAD').stdout.strip())
            git('bisect', 'start', commits[-1], commits[0])
            done = git('bisect', 'run', str(ROOT / 'scripts/kernel.sh'),
                       '--tree', '.', '--name', 'test-bisected', '--run',
                       'configs/teardown.json', '--duration', '2s',
                       '--out', f'{scratch}/out', '--quiet')
            # Those that do not compile are passed over.
            self.assertIn(f'{commits[3]} is the first bad', done.stdout,
                          done.stderr)
            self.assertNotIn('cannot continue', done.stderr)

    def test_a_name_is_no_path(self):
        done = run(ROOT / 'scripts/kernel.sh', '--tree', tree(), '--name',
                   '../evil')
        self.assertEqual(done.returncode, 2)
        self.assertIn('../evil', done.stderr)

    def test_a_tree_that_does_not_compile_says_what_the_shim_lacks(self):
        with tempfile.TemporaryDirectory() as scratch:
            copy = pathlib.Path(scratch, 'tree')
            shutil.copytree(tree(), copy)
            source = copy / 'mm/list_lru.c'
            source.write_text(source.read_text() +
                              '\nint f(void) { return something_new(); }\n')
            done = run(ROOT / 'scripts/kernel.sh', '--tree', copy, '--name',
                       'test-broken')
            self.assertEqual(done.returncode, 125)
            self.assertIn('error: the tree does not compile', done.stderr)
            self.assertIn('lacks: something_new', done.stderr)


def main():
    global BUILD
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    done = run(ROOT / 'scripts/kernel.sh', VERSION)
    if done.returncode == 2:
        print(f'skipped: {done.stderr}')
        return 77
    if done.returncode:
        sys.exit(done.stderr)
    return 0 if unittest.main(exit=False).result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main())
