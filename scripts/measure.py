#!/usr/bin/env python3
"""The numbers of this project that whole runs show, for anyone to repeat.

  measure.py rate      [--runs 10] [--preset release]   teardowns/s, contended
                       [--lru L]
  measure.py late      [--seconds 60] [--preset P]...   a control that acts only
                                                        in the last tenth
  measure.py clean     [--minutes 5] [--config C] [--preset P]... [--lru L]
                       findings on clean lrus; of a suite, or a folder such as
                       configs/busted, each config gets its share of the time
  measure.py planhash  [--seeds 1..5] [--preset P]...   equal in all builds?

Needs the presets built. Exit 1 when what must hold does not.
"""
import argparse
import json
import pathlib
import statistics
import sys
import tempfile

from runs import (PRESETS, ROOT, RunFailed, as_expected, best_build, binary,
                  list_of, run)


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


# What such a control gets wrong happens only once in a run, and early.
TOO_LATE = {"map_size_of_all": "the maps grow once in a run"}


def late(args):
    """Every control in its best build, off for nine tenths of the run."""
    good = True
    after_ms = args.seconds * 900
    for preset in args.preset:
        for control in list_of(binary(preset), "busted"):
            if best_build(control) != preset:
                continue
            if why := TOO_LATE.get(control["name"]):
                print(f"{control['name']} {preset}: left out: {why}",
                      flush=True)
                continue
            _, report = run(
                binary(preset), "--busted", control["name"],
                "--duration", f"{args.seconds}s",
                "--set", f"/busted_after_ms={after_ms}")
            finding = report["finding"]
            right = as_expected(control, preset, finding)
            stats = report["stats"]
            seen = (f"{finding['kind']} {finding.get('invariant') or ''}"
                    if finding else "not caught")
            print(f"{control['name']} {preset}: {seen} after "
                  f"{stats['duration_s']:.1f} s of {args.seconds}",
                  flush=True)
            good = (good and right and
                    stats["duration_s"] * 1000 >= after_ms)
    return 0 if good else 1


def configs_of(path):
    """The config itself, those of a folder, or those that a suite names."""
    path = pathlib.Path(path)
    if path.is_dir():
        return sorted(path.glob("*.json"))
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
            # Of a control's config the plan alone.
            code, report = run(binary(preset), str(config), *on_lru(args),
                               "--busted", "none", "--duration", f"{seconds}s")
            stats = report["stats"]
            known = "".join(f", known {entry['bug']} x{entry['seen']}"
                            for entry in report["known"])
            print(f"{preset} {config.stem}: {report['verdict']}, "
                  f"{len(report['findings'])} findings, "
                  f"{stats['teardowns']} teardowns, "
                  f"{stats['contended_percent']:.1f} % contended, "
                  f"{stats['duration_s']:.0f} s{known}", flush=True)
            good = good and code == 0
            if report["findings"]:
                tell_finding(report)
    return 0 if good else 1


def tell_finding(report):
    """What a run that should be clean has found, and where to read it."""
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
                        choices=["rate", "late", "clean", "planhash"])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seconds", type=int, default=60,
                        help="late: of a run")
    parser.add_argument("--config", default=str(ROOT / "configs/teardown.json"))
    parser.add_argument("--lru", help="rate, clean: not that of the config")
    parser.add_argument("--seeds", default="1..5")
    parser.add_argument("--preset", action="append", choices=PRESETS)
    args = parser.parse_args()
    if args.preset is None:
        args.preset = ["release"] if args.what == "rate" else PRESETS
    try:
        return {"rate": rate, "late": late, "clean": clean,
                "planhash": planhash}[args.what](args)
    except RunFailed as failed:
        sys.exit(str(failed))


if __name__ == "__main__":
    sys.exit(main())
