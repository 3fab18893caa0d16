#!/usr/bin/env python3
"""The kill table: every control in every build, with its plan and without.

  kill_table.sh                     all builds there are; some hours
  kill_table.sh --best              each control in its best build only
  kill_table.sh --signatures        there 20 seeds, for the confusion matrix
  kill_table.sh --quick --preset P  each control whose best build P is, once
  kill_table.sh --engine explore --seeds 20    schedules to catch
  kill_table.sh --summary           of the last table, for README.md

A run ends at its first finding. A control has --runs runs with its plan, with
seeds 1, 2, .., and as many without (no faults), which are judged together. In
explore a cell has its plan, and a run ends after --schedules at most. Finished
runs are kept in DIR/runs.jsonl and not made again, as long as program, config,
lru and limit are the same: whatever ends this script, the next call goes on.
DIR/kill_table.json and .md (kill_table_explore of explore) are written after
each cell.

Exit 0: all that must hold does. 1: a control was not caught as expected in each
run of its best build, the geometric mean is below its bar, a (control, build)
has more than two signatures, or a shared one has no reason in
scripts/shared_signatures.json. Signatures are judged of runs with the plan,
which is part of the control; those of runs without are only shown. In explore:
a control was missed that has no reason in scripts/explore_misses.json, or half
of them take too long. 2: wrong arguments. 4: a run failed. 130: Ctrl-C.
"""
import argparse
import datetime
import difflib
import fcntl
import hashlib
import json
import math
import os
import pathlib
import signal
import sys
import threading
import time
import typing
from concurrent.futures import ThreadPoolExecutor, as_completed

import kill_table_report as report
import runs as lrutorture
from runs import PRESETS, ROOT

# The fields of a run that is kept; KEY tells which one it is.
RUN = {"control": str, "build": str, "lru": str, "plan": bool, "engine": str,
       "limit": (int, float), "binary": str, "config": str, "seed": int,
       "commit": str, "kind": str, "invariant": str, "signature": str,
       "teardowns": int, "schedules": int, "duration_s": (int, float),
       "machine": str}
KEY = ("control", "build", "lru", "plan", "engine", "limit", "binary", "config",
       "seed")
SIGNATURE_SEEDS = 20


class UsageError(Exception):
    """Nothing was started. Its text is one line."""


class Store:
    """Runs by key, each a line of a file that kill -9 leaves readable."""

    def __init__(self, path=None):
        self.runs, self.strange, self.file = {}, 0, None
        self.lock = threading.Lock()
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = open(path, "a+b")
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.file.close()
            raise UsageError(f"--out: another kill table is written to "
                             f"{path.parent}")
        except OSError as error:
            raise UsageError(f"--out: {path}: {error.strerror}")
        self.file.seek(0)
        text = self.file.read()
        for line in text.splitlines():
            self.take(line)
        if text and not text.endswith(b"\n"):  # somebody was killed here
            self.file.write(b"\n")

    def take(self, line):
        try:
            run = json.loads(line)
            if "seconds" in run:  # of a time with one engine
                run.update(engine="stress", limit=run.pop("seconds"),
                           schedules=0)
            good = all(isinstance(run[k], t) for k, t in RUN.items())
        except (ValueError, KeyError, TypeError):
            good = False
        if good:
            self.runs[tuple(run[k] for k in KEY)] = run
        else:
            self.strange += 1

    def add(self, run):
        with self.lock:
            self.runs[tuple(run[k] for k in KEY)] = run
            if self.file:
                self.file.write(json.dumps(run).encode() + b"\n")
                self.file.flush()
                os.fsync(self.file.fileno())


class Cell(typing.NamedTuple):
    """A control in a build, with its plan or without: seeds 1 to `runs`."""
    program: str
    control: dict
    build: str
    lru: str
    plan: bool
    engine: str
    runs: int
    limit: float  # of a run: seconds in stress, schedules in explore
    binary: str   # hashes of contents
    config: str

    def best(self):
        return self.build == lrutorture.best_build(self.control)

    def key(self, seed):
        return (self.control["name"], self.build, self.lru, self.plan,
                self.engine, self.limit, self.binary, self.config, seed)

    def arguments(self, seed):
        return ([str(config_of(self.control)), "--busted", self.control["name"],
                 "--lru", self.lru, "--seed", str(seed)] +
                (["--engine", "explore", "--schedules", str(self.limit)]
                 if self.engine == "explore" else
                 ["--duration", f"{round(self.limit * 1000)}ms"]) +
                ([] if self.plan else ["--set", "/faults=[]"]))

    def title(self):
        return (f"{self.control['name']} {self.build} {self.lru} "
                f"{'plan' if self.plan else 'no plan'}" +
                " explore" * (self.engine == "explore"))

    def kept(self, store):
        """The runs of this cell that count, judged."""
        for seed in range(1, self.runs + 1):
            run = store.runs.get(self.key(seed))
            if run is None:
                return
            yield {**run, "as_expected": lrutorture.as_expected(
                self.control, self.build, run)}

    def done(self, store):
        return len(list(self.kept(store))) == self.runs

    def run(self, seed):
        arguments = self.arguments(seed)
        code, told = lrutorture.run(self.program, *arguments)
        if code not in (0, 1, 3) or told["interrupted"]:
            raise lrutorture.RunFailed(
                f"{self.program} run {' '.join(arguments)}: exit {code}")
        finding = told["finding"] or {}
        machine = told["machine"]
        return {**dict(zip(KEY, self.key(seed))),
                "commit": told["build"]["commit"],
                "kind": finding.get("kind") or "",
                "invariant": finding.get("invariant") or "",
                "signature": finding.get("signature") or "",
                "teardowns": told["stats"]["teardowns"],
                "schedules": report.schedules_of(told),
                "duration_s": told["stats"]["duration_s"],
                "machine": f"{machine['cores']} cores, Linux "
                           f"{machine['kernel']}"}


class Screen:
    """Lines of what has ended; on a terminal, one that says what goes on."""

    def __init__(self):
        self.tty, self.lock = sys.stdout.isatty(), threading.Lock()

    def line(self, text):
        with self.lock:
            print("\r\x1b[K" * self.tty + text, flush=True)

    def live(self, text):
        with self.lock:
            if self.tty:
                print("\r\x1b[K" + text[:os.get_terminal_size().columns - 1],
                      end="", flush=True)


class Campaign:
    def __init__(self, cells, store, jobs):
        self.cells, self.store, self.jobs = cells, store, jobs
        self.screen, self.failed = Screen(), []
        self.stopping = False
        self.begun, self.nr_done = time.monotonic(), 0

    def fill(self, cell):
        """Makes the runs that the cell lacks; returns how many."""
        made = 0
        for seed in range(1, cell.runs + 1):
            if self.stopping or cell.done(self.store):
                break
            if cell.key(seed) in self.store.runs:
                continue
            self.screen.live(
                f"[{self.nr_done} of {len(self.cells)} cells, "
                f"{time.monotonic() - self.begun:.0f} s] {cell.title()}: "
                f"run {seed} of {cell.runs}")
            self.store.add(cell.run(seed))
            made += 1
        return made

    def run(self, after_cell):
        """Fills all cells; after_cell() when one has got new runs."""
        pool = ThreadPoolExecutor(self.jobs)
        futures = {pool.submit(self.fill, cell): cell for cell in self.cells}
        try:
            for future in as_completed(futures):
                cell = futures[future]
                self.nr_done += 1
                try:
                    if not future.result():
                        continue  # was complete
                except lrutorture.RunFailed as failed:
                    self.failed.append(str(failed))
                    self.screen.line(f"FAILED {cell.title()}: {failed}")
                if runs := list(cell.kept(self.store)):
                    self.screen.line(told(cell, runs))
                    after_cell()
        finally:  # after Ctrl-C nothing is begun, and what runs is ended
            self.stopping = True
            pool.shutdown(wait=False, cancel_futures=True)
            lrutorture.kill_all()
            pool.shutdown()
            self.screen.live("")


def told(cell, runs):
    """What the cell's runs have shown, and how to repeat a missed one."""
    row = report.row_of(runs)
    missed = [run["seed"] for run in runs
              if cell.plan and cell.best() and not run["as_expected"]]
    text = (f"{'NOT CAUGHT AS EXPECTED ' if missed else ''}"
            f"{cell.title()}: caught "
            f"{row['caught']} of {row['runs']}, as expected "
            f"{row['as_expected']} of {row['runs']}, "
            f"{report.shown_found(row)}")
    if row["caught"]:
        text += f", {row['seconds_to_catch']:.2f} s, "
        text += (f"{row['schedules_to_catch']:.0f} schedules, at most "
                 f"{row['schedules_max']}" if cell.engine == "explore" else
                 f"{row['teardowns_to_catch']:.0f} teardowns")
    else:
        text += f", {row['teardowns']} teardowns"
    if missed:
        again = [cell.program, "run", *cell.arguments(missed[0])]
        text += f"; again: {' '.join(again)}"
    return text


def config_of(control):
    return ROOT / "configs" / control["config"]


def hash_of(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()[:16]


def check_name(option, name, names):
    if name not in names:
        near = difflib.get_close_matches(name, names, 1, 0)
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        raise UsageError(f"{option}: unknown name '{name}'{hint}")


def program_of(args, preset):
    program = args.binary or lrutorture.binary(preset)
    if not os.access(program, os.X_OK):
        raise UsageError(f"{program} is not built: cmake --preset {preset} && "
                         f"cmake --build --preset {preset} --target lrutorture")
    return program


def limit_of(args, config):
    """A config that asks for less time has what it needs in that."""
    if args.engine == "explore":
        return args.limit
    return min(args.limit, config.get("duration_ms", math.inf) / 1000)


def cells_of(args):
    """The cells that are asked for, those of best builds first."""
    cells = []
    for preset in args.preset:
        program = program_of(args, preset)
        controls = lrutorture.list_of(program, "busted")
        names = [control["name"] for control in controls]
        for name in args.control or []:
            check_name("--control", name, names)
        if args.lru is not None:
            check_name("--lru", args.lru, [lru["name"] for lru in
                                           lrutorture.list_of(program, "lrus")])
        binary = hash_of(program)
        for control in controls:
            best = lrutorture.best_build(control) == preset
            config = json.loads(config_of(control).read_text())
            lru = args.lru or config.get("lru", "node-lock")
            if ((args.control and control["name"] not in args.control) or
                    (args.best and not best) or
                    not lrutorture.applies_to(control, lru)):
                continue
            runs = (max(args.runs, SIGNATURE_SEEDS)
                    if args.signatures and best else args.runs)
            for plan in (True, False):
                if not plan and (args.quick or args.engine == "explore" or
                                 not config.get("faults")):
                    continue  # the same without
                cells.append(Cell(program, control, preset, lru, plan,
                                  args.engine, runs if plan else args.runs,
                                  limit_of(args, config), binary,
                                  hash_of(config_of(control))))
    return sorted(cells, key=lambda cell: (not cell.best(), not cell.plan))


def reasons(name="shared_signatures"):
    return json.loads((ROOT / "scripts" / f"{name}.json").read_text())


def table_path(args, suffix):
    explore = "_explore" * (args.engine == "explore")
    return args.out / f"kill_table{explore}{suffix}"


def write(path, text):
    """The file has the old text or the new one, whatever happens."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def tables(args, cells, store):
    """Writes the table of what there is; returns it."""
    runs = [run for cell in cells for run in cell.kept(store)]
    controls = {cell.control["name"]: cell.control for cell in cells}
    if args.engine == "explore":
        table = report.explore_table_of(runs, controls, args,
                                        reasons("explore_misses"))
    else:
        table = report.table_of(
            runs, controls,
            set(controls) -
            {cell.control["name"] for cell in cells if not cell.plan},
            args, reasons())
    table.update(cells=len(cells),
                 cells_done=sum(cell.done(store) for cell in cells),
                 machine=", ".join(sorted({run["machine"] for run in runs})),
                 date=datetime.date.today().isoformat())
    write(table_path(args, ".json"), json.dumps(table, indent=1) + "\n")
    write(table_path(args, ".md"), "\n".join(report.markdown(table)) + "\n")
    return table


def kill_table(args):
    cells = cells_of(args)
    # Of all controls none may be at its best in gcc.
    if not cells and (args.control or not args.quick):
        raise UsageError("no control is left: see --control, --lru, --preset")
    store = Store(None if args.quick else args.out / "runs.jsonl")
    wanted = {cell.key(0)[:5] for cell in cells}
    current = {cell.key(0)[:8] for cell in cells}
    stale = sum(key[:5] in wanted and key[:8] not in current
                for key in store.runs)
    if stale:
        print(f"{stale} runs of another program, config or limit are not used")
    if store.strange:
        print(f"{args.out / 'runs.jsonl'}: {store.strange} lines are no runs "
              "and are passed over")
    campaign = Campaign(cells, store, args.jobs)
    campaign.run((lambda: None) if args.quick else
                 (lambda: tables(args, cells, store)))
    if args.quick:
        best = {c.control["name"]: c.build for c in cells}
        rows = [report.row_of(runs) for c in cells
                if (runs := list(c.kept(store)))]
        failures = list(report.misses_of(rows, best))
        print(f"{len(cells)} controls, {len(rows) - len(failures)} caught as "
              f"expected, {time.monotonic() - campaign.begun:.0f} s")
    else:
        table = tables(args, cells, store)
        failures = table["failures"]
        print("\n".join(report.summary(table)))
        print(table_path(args, ".md"))
    for failure in failures:
        print(f"FAIL {failure}")
    for failed in campaign.failed:
        print(f"FAILED {failed}")
    return 4 if campaign.failed else 1 if failures else 0


def summary(args):
    path = table_path(args, ".json")
    try:
        table = json.loads(path.read_text())
        lines = list(report.summary(table))
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{path}: no table here: scripts/kill_table.sh makes "
                         "one")
    print("\n".join(lines))
    return 0


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"error: {message}\n")


def positive(text):
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"not a number from 1 to 1000000: "
                                         f"'{text}'")
    return int(text)


def parse(arguments):
    parser = Parser(prog="kill_table.sh", description=__doc__,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", action="append", choices=PRESETS,
                        help="this build; may be repeated")
    parser.add_argument("--control", action="append",
                        help="this control; may be repeated")
    parser.add_argument("--lru", help="not that of the control's config")
    parser.add_argument("--best", action="store_true",
                        help="controls in their best build only")
    parser.add_argument("--engine", choices=("stress", "explore"),
                        default="stress")
    parser.add_argument("--runs", "--seeds", type=positive,
                        help="of a cell (default 10)")
    parser.add_argument("--schedules", type=positive,
                        help="of a run of explore (default 10000; --quick 500)")
    parser.add_argument("--seconds", type=positive,
                        help="of a run, at most (default 10; --quick 4)")
    parser.add_argument("--jobs", type=positive,
                        help="cells at a time (default 1; --quick 2): more "
                             "disturb times and rates")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR",
                        default=ROOT / "out" / "kill_table")
    parser.add_argument("--binary", help="this program; needs one --preset")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--signatures", action="store_true",
                      help=f"{SIGNATURE_SEEDS} seeds in best builds")
    mode.add_argument("--quick", action="store_true",
                      help="one run each, with the plan; keeps nothing")
    mode.add_argument("--summary", action="store_true")
    args = parser.parse_args(arguments)
    args.best = args.best or args.quick
    args.runs = args.runs or (1 if args.quick else 10)
    args.seconds = args.seconds or (4 if args.quick else 10)
    args.schedules = args.schedules or (500 if args.quick else 10_000)
    args.limit = (args.schedules if args.engine == "explore" else args.seconds)
    args.jobs = args.jobs or (2 if args.quick else 1)
    if args.binary and len(args.preset or []) != 1:
        parser.error("--binary: needs one --preset, whose build it is")
    if args.preset is None:
        args.preset = [preset for preset in PRESETS
                       if os.access(lrutorture.binary(preset), os.X_OK)]
        if not args.preset and not args.summary:
            program_of(args, "release")
    args.preset = list(dict.fromkeys(args.preset))
    return args


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, interrupt)
    try:
        args = parse(sys.argv[1:])
        return summary(args) if args.summary else kill_table(args)
    except (UsageError, lrutorture.RunFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here",
              file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
