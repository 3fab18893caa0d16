#!/usr/bin/env python3
"""Tests of what the kill table computes, keeps and judges. No run is made."""
import argparse
import json
import pathlib
import tempfile
import unittest

import kill_table
import kill_table_report as report
import runs as lrutorture


def control(name, *expect):
    return {"name": name, "lru": "all", "config": f"busted/{name}.json",
            "expect": [dict(zip(("build", "kind", "invariant"), row))
                       for row in expect]}


LOCK = control("lock", ("tsan", "data_race", ""),
               ("release", "invariant", "lock_identity"))
LEAK = control("leak", ("release", "invariant", "no_leak"))


def a_run(name="leak", seed=1, plan=True, kind="invariant",
          invariant="no_leak", teardowns=9, **more):
    signature = f"{kind}|{invariant}" if kind else ""
    return {"control": name, "build": "release", "lru": "node-lock",
            "plan": plan, "engine": "stress", "limit": 10, "schedules": 0,
            "binary": "b", "config": "c", "seed": seed, "commit": "1234567",
            "kind": kind,
            "invariant": invariant if kind else "", "signature": signature,
            "teardowns": teardowns, "duration_s": 0.5, "machine": "2 cores",
            "as_expected": kind == "invariant" and invariant == "no_leak",
            **more}


def silent(teardowns, **more):
    return a_run(plan=False, kind="", teardowns=teardowns, **more)


def table(runs, controls=(LOCK, LEAK), reasons=None, of_control=None):
    args = argparse.Namespace(runs=1, limit=10, lru=None, control=of_control)
    return report.table_of(runs, {c["name"]: c for c in controls}, set(), args,
                           reasons or {})


class Numbers(unittest.TestCase):
    def test_intervals_are_those_of_garwoods_table(self):
        for k, low, high in ((1, 0.02532, 5.572), (2, 0.2422, 7.225),
                             (5, 1.623, 11.668), (10, 4.795, 18.391),
                             (50, 37.11, 65.92)):
            self.assertAlmostEqual(report.interval(k)[0] / low, 1, 3)
            self.assertAlmostEqual(report.interval(k)[1] / high, 1, 3)

    def test_no_event_is_one_sided(self):
        self.assertEqual(report.interval(0), (0.0, 3.0))
        self.assertAlmostEqual(report.at_most(0, 3.0), 0.05, 2)

    def test_geometric_mean(self):
        self.assertAlmostEqual(report.geometric_mean([10, 1000]), 100)
        self.assertAlmostEqual(report.geometric_mean([7]), 7)

    def test_a_catch_counts_the_teardown_it_is_in(self):
        row = report.row_of([a_run(teardowns=0), a_run(seed=2, teardowns=18)])
        self.assertEqual(row["teardowns"], 20)
        self.assertAlmostEqual(row["findings_per_teardown"], 0.1)
        self.assertAlmostEqual(row["high"], 7.225 / 20, 3)
        self.assertEqual(row["teardowns_to_catch"], 9)
        self.assertEqual(row["found"], {"invariant no_leak": 2})

    def test_a_cell_that_caught_nothing(self):
        row = report.row_of([silent(0)])
        self.assertEqual((row["caught"], row["seconds_to_catch"]), (0, None))
        self.assertEqual(row["findings_per_teardown"], 0)


class Ratios(unittest.TestCase):
    plan = report.row_of([a_run(teardowns=9)])  # 0.1 per teardown

    def ratio(self, *bare):
        return report.ratio_of(self.plan, report.row_of(list(bare)))

    def test_zero_hits_count_as_three(self):
        ratio, at_least, why = self.ratio(silent(20000), silent(10000))
        self.assertAlmostEqual(ratio, 0.1 / (3.0 / 30000))
        self.assertTrue(at_least)
        self.assertIsNone(why)

    def test_a_late_catch_counts_all_teardowns(self):
        ratio, at_least, _ = self.ratio(silent(900),
                                        a_run(plan=False, teardowns=99))
        self.assertAlmostEqual(ratio, 100)
        self.assertFalse(at_least)

    def test_all_runs_without_a_plan_are_judged_together(self):
        lucky, others = a_run(plan=False, teardowns=2), [
            a_run(seed=seed, plan=False, teardowns=599) for seed in (2, 3)]
        self.assertAlmostEqual(self.ratio(lucky, *others)[0], 0.1 / (3 / 1203))
        unlucky, others = a_run(plan=False, teardowns=250), [
            a_run(seed=seed, plan=False, teardowns=9) for seed in (2, 3)]
        self.assertIn("on average", self.ratio(unlucky, *others)[2])

    def test_who_is_left_out(self):
        for bare in (a_run(plan=False, teardowns=99), silent(99)):
            ratio, _, why = self.ratio(bare)
            self.assertIsNone(ratio)
            self.assertTrue(why)
        self.assertIsNotNone(self.ratio(a_run(plan=False, teardowns=100))[0])
        missed = report.row_of([silent(500)])
        self.assertIsNone(report.ratio_of(missed, missed)[0])
        at_rest = report.row_of([a_run(duration_s=10.2)])
        self.assertEqual(report.ratio_of(at_rest, missed)[2],
                         "noticed only when the run has ended")
        self.assertIsNone(report.ratio_of(self.plan, None)[0])

    def test_only_the_best_build_counts(self):
        rows = [self.plan, {**self.plan, "build": "asan"},
                report.row_of([silent(1000)])]
        ratios = report.ratios_of(rows, {"leak": "release"}, set())
        self.assertEqual([r["build"] for r in ratios], ["release"])
        (left_out,) = report.ratios_of(rows, {"leak": "release"}, {"leak"})
        self.assertIsNone(left_out["ratio"])


class Judgement(unittest.TestCase):
    def test_expectations_are_those_of_the_build(self):
        race = {"kind": "data_race", "invariant": None}
        broken = {"kind": "invariant", "invariant": "lock_identity"}
        for finding, build, good in ((race, "tsan", True),
                                     (race, "release", False),
                                     (broken, "release", True),
                                     (broken, "tsan", False),
                                     (None, "release", False)):
            self.assertEqual(lrutorture.as_expected(LOCK, build, finding), good)
        self.assertEqual(lrutorture.best_build(LOCK), "tsan")

    def test_caught_as_something_else_is_a_failure(self):
        self.assertEqual(table([a_run()])["failures"], [])
        self.assertEqual(table([a_run()])["killed"], ["leak"])
        other = table([a_run(invariant="progress")])
        self.assertIn("0 of 1", other["failures"][0])
        self.assertEqual(other["killed"], [])

    def test_not_the_best_build_may_miss(self):
        missed = a_run("lock", kind="")  # its best is tsan
        self.assertEqual(table([missed])["failures"], [])

    def test_a_low_geometric_mean_is_a_failure_of_the_whole(self):
        runs = [a_run(), a_run(plan=False, teardowns=500)]
        self.assertIn("geometric mean", table(runs)["failures"][0])
        self.assertEqual(table(runs, of_control=["leak"])["failures"], [])

    def test_three_signatures_are_too_many(self):
        runs = [a_run("lock", seed, signature=f"data_race|{seed}")
                for seed in (1, 2)]
        self.assertEqual(table(runs)["failures"], [])
        runs.append(a_run("lock", 3, signature="data_race|3"))
        self.assertIn("3 signatures", table(runs)["failures"][0])

    def test_a_shared_signature_needs_a_reason(self):
        other = control("other", ("release", "invariant", "no_leak"))
        runs = [a_run(), a_run("other")]
        self.assertIn("no reason for leak, other",
                      table(runs, (LEAK, other))["failures"][0])
        known = {"invariant|no_leak": {"controls": ["leak", "other"],
                                       "reason": "Both leak."}}
        self.assertEqual(table(runs, (LEAK, other), known)["failures"], [])
        known["invariant|no_leak"]["controls"].remove("other")
        self.assertIn("no reason for other",
                      table(runs, (LEAK, other), known)["failures"][0])

    def test_different_invariants_never_share(self):
        known = {"invariant|no_leak": {"controls": ["leak", "lock"],
                                       "reason": "None is good enough."}}
        failures = table([a_run(), a_run("lock")], reasons=known)["failures"]
        self.assertIn("no invariant in common", failures[0])

    def test_signatures_without_the_plan_are_shown_and_not_judged(self):
        runs = [a_run(), a_run("lock", signature="data_race|0"),
                a_run("lock", plan=False)]
        runs += [a_run("lock", seed, plan=False, signature=f"data_race|{seed}")
                 for seed in (1, 2, 3)]
        whole = table(runs)
        self.assertEqual(whole["failures"], [])
        (share,) = whole["shared"]
        self.assertEqual((share["controls"], share["without_plan"]),
                         (["leak"], ["lock"]))
        text = "\n".join(report.markdown({**whole, "machine": "2 cores",
                                          "date": "today", "cells": 1,
                                          "cells_done": 1}))
        self.assertIn("- `invariant|no_leak`: leak; without the plan also "
                      "lock.\n", text + "\n")
        self.assertIn("- lock release: `data_race|1` x1, `data_race|2` x1, "
                      "`data_race|3` x1, `invariant|no_leak` x1", text)

    def test_reasons_name_controls_that_there_are(self):
        configs = lrutorture.ROOT / "configs" / "busted"
        for signature, known in kill_table.reasons().items():
            self.assertTrue(known["reason"], signature)
            for name in known["controls"]:
                self.assertTrue((configs / f"{name}.json").exists(), name)

    def test_the_markdown_shows_each_cell_and_signature(self):
        whole = {**table([a_run(), silent(1000)]), "machine": "2 cores",
                 "date": "today", "cells": 2, "cells_done": 1}
        text = "\n".join(report.markdown(whole))
        for part in ("| leak | release | node-lock | no plan | 0 of 1 |",
                     "Incomplete: 1 of 2", "`invariant|no_leak`",
                     "at least 33"):
            self.assertIn(part, text)


class Explore(unittest.TestCase):
    def found(self, seed, schedules, **more):
        return a_run(seed=seed, **{"engine": "explore", "limit": 10_000,
                                   "schedules": schedules, **more})

    def table(self, runs, reasons=None):
        args = argparse.Namespace(runs=2, limit=10_000, lru=None, control=None)
        return report.explore_table_of(runs, {"leak": LEAK}, args,
                                       reasons or {})

    def test_median_and_maximum_are_those_of_the_runs_that_caught(self):
        table = self.table([self.found(1, 3), self.found(2, 41)])
        self.assertEqual((table["median"], table["maximum"]), (22, 41))
        self.assertEqual(table["failures"], [])
        self.assertEqual(table["killed"], ["leak"])
        whole = {**table, "machine": "m", "date": "d", "cells": 1,
                 "cells_done": 1}
        self.assertIn("| leak | release | node-lock | 2 of 2 | 2 of 2 | "
                      "invariant no_leak x2 | 22 | 41 |",
                      "\n".join(report.markdown(whole)))

    def test_a_miss_needs_a_reason(self):
        runs = [self.found(1, 3), self.found(2, 10_000, kind="")]
        runs[1]["as_expected"] = False
        self.assertIn("in 1 of 2 runs", self.table(runs)["failures"][0])
        known = {"leak": "It is about time."}
        self.assertEqual(self.table(runs, known)["failures"], [])
        self.assertEqual(self.table(runs, known)["missed"], known)

    def test_a_high_median_is_a_failure(self):
        table = self.table([self.found(1, 101), self.found(2, 103)])
        self.assertIn("median of 102 schedules", table["failures"][0])

    def test_what_stress_sees_as_a_stall_is_a_deadlock(self):
        stall = control("stall", ("release", "stall", ""))
        run = {"kind": "deadlock", "invariant": "", "engine": "explore"}
        self.assertTrue(lrutorture.as_expected(stall, "release", run))
        run["engine"] = "stress"
        self.assertFalse(lrutorture.as_expected(stall, "release", run))

    def test_schedules_are_counted_up_to_the_one_that_caught(self):
        explored = {"explore": {"schedules": 500}, "finding": None}
        self.assertEqual(report.schedules_of(explored), 500)
        explored["finding"] = {"replay": {"schedule_index": 0}}
        self.assertEqual(report.schedules_of(explored), 1)
        explored["finding"] = {"kind": "leak", "replay": {}}
        self.assertEqual(report.schedules_of(explored), 500, "all had ended")
        self.assertEqual(report.schedules_of({"explore": None}), 0)

    def test_reasons_name_controls_that_there_are(self):
        configs = lrutorture.ROOT / "configs" / "busted"
        for name, reason in kill_table.reasons("explore_misses").items():
            self.assertTrue(reason, name)
            self.assertTrue((configs / f"{name}.json").exists(), name)


class Resuming(unittest.TestCase):
    def setUp(self):
        out = tempfile.TemporaryDirectory()
        self.addCleanup(out.cleanup)
        self.path = pathlib.Path(out.name) / "deep" / "runs.jsonl"

    def kept(self, *runs):
        store = kill_table.Store(self.path)
        for run in runs:
            store.add(run)
        store.file.close()
        return store

    def cell(self, plan=True, **changed):
        return kill_table.Cell("p", LEAK, "release", "node-lock", plan,
                               "stress", 2, 10, "b", "c")._replace(**changed)

    def test_what_was_kept_is_read_again(self):
        self.kept(a_run(seed=1))
        store = self.kept(a_run(seed=2))
        self.assertTrue(self.cell().done(store))
        self.assertEqual([run["seed"] for run in self.cell().kept(store)],
                         [1, 2])

    def test_a_line_cut_short_costs_one_run(self):
        self.kept(a_run(seed=1), a_run(seed=2))
        self.path.write_bytes(self.path.read_bytes()[:-20])
        store = self.kept(a_run(seed=2))
        self.assertEqual((len(store.runs), store.strange), (2, 1))
        self.assertTrue(self.cell().done(self.kept()))

    def test_garbage_is_passed_over(self):
        self.path.parent.mkdir()
        lines = [b"\xff\x00{", b"[]", b"7", b'{"control": []}',
                 json.dumps({**a_run(), "seed": "1"}).encode()]
        self.path.write_bytes(b"\n".join(lines))
        store = self.kept()
        self.assertEqual((len(store.runs), store.strange), (0, len(lines)))

    def test_other_programs_configs_and_limits_do_not_mix(self):
        store = self.kept(a_run(seed=1), a_run(seed=2))
        for changed in ({"binary": "x"}, {"config": "x"}, {"limit": 4},
                        {"engine": "explore"},
                        {"lru": "memcg-lock"}, {"plan": False}):
            self.assertEqual(
                list(self.cell(**changed).kept(store)), [], changed)

    def test_without_a_plan_a_cell_has_as_many_runs(self):
        bare = self.cell(plan=False)
        self.assertFalse(bare.done(self.kept(a_run(plan=False))))
        self.assertTrue(bare.done(self.kept(silent(1000, seed=2))))

    def test_one_at_a_time(self):
        store = kill_table.Store(self.path)
        self.assertRaises(kill_table.UsageError, kill_table.Store, self.path)
        store.file.close()
        self.kept()


    def test_runs_of_a_time_with_one_engine_count(self):
        old = a_run(seed=1)
        for key in ("engine", "limit", "schedules"):
            del old[key]
        self.path.parent.mkdir()
        self.path.write_text(json.dumps({**old, "seconds": 10}) + "\n")
        self.assertEqual(len(list(self.cell().kept(self.kept()))), 1)


class Arguments(unittest.TestCase):
    def test_the_nearest_name_is_suggested(self):
        with self.assertRaisesRegex(kill_table.UsageError, "mean 'leak'"):
            kill_table.check_name("--control", "lek", ["lock", "leak"])

    def test_quick_is_one_run_in_the_best_build(self):
        args = kill_table.parse(["--quick", "--preset", "tsan"])
        self.assertEqual((args.runs, args.limit, args.jobs, args.best),
                         (1, 4, 2, True))

    def test_a_config_that_asks_for_less_time_gets_that(self):
        stress = kill_table.parse(["--preset", "release"])
        for config, limit in (({"duration_ms": 200}, 0.2), ({}, 10),
                              ({"duration_ms": 60_000}, 10)):
            self.assertEqual(kill_table.limit_of(stress, config), limit)
        explore = kill_table.parse(["--engine", "explore", "--preset", "tsan"])
        self.assertEqual(kill_table.limit_of(explore, {"duration_ms": 200}),
                         10_000)

    def test_the_limit_of_explore_is_schedules(self):
        args = kill_table.parse(["--engine", "explore", "--seeds", "20",
                                 "--preset", "release"])
        self.assertEqual((args.runs, args.limit), (20, 10_000))


if __name__ == "__main__":
    unittest.main()
