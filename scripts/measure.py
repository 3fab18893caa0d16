#!/usr/bin/env python3
"""The numbers of this project that whole runs show, for anyone to repeat.

  measure.py rate      [--runs 10] [--preset release]   teardowns/s, contended
                       [--lru L]
  measure.py controls  [--runs 10] [--preset P]...      control x build x plan,
                       [--control C]... [--best]        runs of 10 s
                       [--jobs N] [--lru L]
  measure.py late      [--seconds 60] [--preset P]...   a control that acts only
                                                        in the last tenth
  measure.py clean     [--minutes 5] [--config C] [--preset P]... [--lru L]
                       findings on clean lrus; of a suite each config gets its
                       share of the time
  measure.py planhash  [--seeds 1..5] [--preset P]...   equal in all builds?

Needs the presets built. Exit 1 when what must hold does not.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
PRESETS = ["release", "asan", "tsan", "gcc"]


def binary(preset):
    return str(ROOT / "build" / preset / "lrutorture")


def run(program, *arguments):
    """One run; returns its exit code and its report (None without one)."""
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run(
            [program, "run", *arguments, "--quiet", "--out", out],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        path = pathlib.Path(out) / "report.json"
        report = json.loads(path.read_text()) if path.exists() else None
    if report is None:
        sys.exit(f"{program} {' '.join(arguments)}: no report\n{done.stderr}")
    return done.returncode, report


def on_lru(args):
    return ["--lru", args.lru] if args.lru else []


def rate(args):
    rates, contended, pairs = [], [], []
    for _ in range(args.runs):
        _, report = run(binary(args.preset[0]), *on_lru(args),
                        "--duration", "10s")
        stats = report["stats"]
        done = stats["operations"]
        adds = done.get("add", 0) + done.get("add_obj", 0)
        dels = done.get("del", 0) + done.get("del_obj", 0)
        rates.append(stats["teardowns_per_s"])
        contended.append(stats["contended_percent"])
        pairs.append(min(adds, dels) / max(stats["teardowns"], 1))
        print(f"{report['verdict']} {rates[-1]:8.0f}/s  {contended[-1]:5.1f} % "
              f"contended  {pairs[-1]:6.1f} add+del each", flush=True)
    median = statistics.median(rates)
    print(f"median {median:.0f}/s, slowest {min(rates):.0f}/s "
          f"({min(rates) / median:.2f} of it); contended at least "
          f"{min(contended):.1f} %; add+del each at least {min(pairs):.1f}")
    return 0 if (min(rates) >= median / 2 and median >= 1000 and
                 min(contended) >= 90 and min(pairs) >= 10) else 1


def controls_of(program):
    listed = subprocess.run([program, "list", "busted", "--json"], check=True,
                            stdout=subprocess.PIPE, text=True)
    return json.loads(listed.stdout)


def as_expected(control, preset, finding):
    return any(e["build"] == preset and e["kind"] == finding["kind"] and
               e["invariant"] == (finding.get("invariant") or "")
               for e in control["expect"])


def one_cell(program, preset, control, plan, runs, seconds, lru):
    """Returns the row, and whether every run was caught as expected."""
    caught = right = teardowns = 0
    seen = {}
    extra = [] if plan else ["--set", "/faults=[]"]
    if lru:
        extra += ["--lru", lru]
    for _ in range(runs):
        code, report = run(program, "--busted", control["name"],
                           "--duration", f"{seconds}s", *extra)
        teardowns += report["stats"]["teardowns"]
        if code != 1:
            continue
        caught += 1
        finding = report["finding"]
        right += as_expected(control, preset, finding)
        what = " ".join(filter(None, (finding["kind"],
                                      finding.get("invariant"))))
        seen[what] = seen.get(what, 0) + 1
    shown = ", ".join(f"{what} x{n}" for what, n in sorted(seen.items()))
    return (f"| {control['name']} | {preset} | {'plan' if plan else 'no plan'} "
            f"| {caught} of {runs} | {right} of {runs} | {teardowns} "
            f"| {caught / max(teardowns, 1):.2g} | {shown} |", right == runs)


def cells_of(args):
    """Yields one_cell's arguments, and whether that cell must hold."""
    seconds = args.seconds or 10
    for preset in args.preset:
        program = args.binary or binary(preset)
        for control in controls_of(program):
            if args.lru and not (control["lru"] == "all" or
                                 args.lru in control["lru"].split(",")):
                continue
            best = control["expect"][0]["build"] == preset
            if args.best and not best:
                continue
            if args.control and control["name"] not in args.control:
                continue
            yield (program, preset, control, True, args.runs, seconds,
                   args.lru), best
            if not args.best:
                yield (program, preset, control, False,
                       args.no_plan_runs or args.runs, seconds, args.lru), False


def controls(args):
    print("| control | build | plan | caught | as expected | teardowns "
          "| findings per teardown | kinds |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    good = True
    pool = ThreadPoolExecutor(args.jobs)
    try:
        cells = list(cells_of(args))
        rows = pool.map(lambda cell: one_cell(*cell[0]), cells)
        for (_, must_hold), (row, held) in zip(cells, rows):
            print(row, flush=True)
            good = good and (held or not must_hold)
    finally:  # after Ctrl-C, or a run with no report: nothing more is begun
        pool.shutdown(wait=False, cancel_futures=True)
    return 0 if good else 1


def late(args):
    """Every control in its best build, off for nine tenths of the run."""
    good = True
    seconds = args.seconds or 60
    after_ms = seconds * 900
    for preset in args.preset:
        for control in controls_of(binary(preset)):
            if control["expect"][0]["build"] != preset:
                continue
            _, report = run(
                binary(preset), "--busted", control["name"],
                "--duration", f"{seconds}s",
                "--set", f"/busted_after_ms={after_ms}")
            finding = report["finding"]
            right = bool(finding) and as_expected(control, preset, finding)
            stats = report["stats"]
            seen = (f"{finding['kind']} {finding.get('invariant') or ''}"
                    if finding else "not caught")
            print(f"{control['name']} {preset}: {seen} after "
                  f"{stats['duration_s']:.1f} s of {seconds}",
                  flush=True)
            good = (good and right and
                    stats["duration_s"] * 1000 >= after_ms)
    return 0 if good else 1


def configs_of(path):
    """The config itself, or those that the lines of a suite name."""
    path = pathlib.Path(path)
    if path.suffix != ".list":
        return [path]
    lines = [line.split("#")[0].split() for line in
             path.read_text().splitlines()]
    return [path.parent / words[0] for words in lines if words]


def clean(args):
    good = True
    configs = configs_of(args.config)
    seconds = max(1, int(args.minutes * 60 / len(configs)))
    for preset in args.preset:
        for config in configs:
            code, report = run(binary(preset), str(config), *on_lru(args),
                               "--duration", f"{seconds}s")
            stats = report["stats"]
            print(f"{preset} {config.stem}: {report['verdict']}, "
                  f"{len(report['findings'])} findings, "
                  f"{stats['teardowns']} teardowns, "
                  f"{stats['contended_percent']:.1f} % contended, "
                  f"{stats['duration_s']:.0f} s", flush=True)
            good = good and code == 0
            if report["findings"]:
                tell_finding(report)
    return 0 if good else 1


def tell_finding(report):
    """What a run that should have been clean has found, and where to read it."""
    finding = report["finding"]
    print(f"  {finding['kind']} {finding.get('invariant') or ''}: "
          f"{finding['message']}\n  {finding['replay']['command']}")
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump(report, file)
    print(f"  {file.name}", flush=True)


def planhash(args):
    first, last = (int(n) for n in args.seeds.split(".."))
    good = True
    for seed in range(first, last + 1):
        hashes = {preset: run(binary(preset), "--seed", str(seed),
                              "--duration", "1s")[1]["plan_hash"]
                  for preset in args.preset}
        good = good and len(set(hashes.values())) == 1
        print(f"seed {seed}: {hashes}", flush=True)
    return 0 if good else 1


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what",
                        choices=["rate", "controls", "late", "clean",
                                 "planhash"])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seconds", type=int,
                        help="of a run: controls 10, late 60")
    parser.add_argument("--config", default=str(ROOT / "configs/teardown.json"))
    parser.add_argument("--lru", help="rate, controls, clean: not that of the "
                             "config; of the controls those it has")
    parser.add_argument("--control", action="append",
                        help="controls: only these")
    parser.add_argument("--no-plan-runs", type=int,
                        help="controls: runs without the plan, if fewer")
    parser.add_argument("--seeds", default="1..5")
    parser.add_argument("--preset", action="append", choices=PRESETS)
    parser.add_argument("--best", action="store_true",
                        help="controls: in their best build only, with plan")
    parser.add_argument("--jobs", type=int, default=1,
                        help="controls: so many at a time; disturbs rates")
    parser.add_argument("--binary", help="controls: this program")
    args = parser.parse_args()
    if args.preset is None:
        args.preset = ["release"] if args.what == "rate" else PRESETS
    return {"rate": rate, "controls": controls, "late": late, "clean": clean,
            "planhash": planhash}[args.what](args)


if __name__ == "__main__":
    sys.exit(main())
