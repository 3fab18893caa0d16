"""What the kill table says of its runs: numbers, judgement, Markdown. Pure.

A run is a dict with the fields of kill_table.RUN. A cell is a control in a
build on a lru, with its plan or without. A catch ends its run inside a
teardown that is not finished, and that one counts: a cell has as many
teardowns as its runs have finished, and one more per catch.

The rate of a cell is that of all its runs together, k catches in n teardowns.
Since a run ends at its catch, log(k / n) is too high by log(k) - digamma(k) on
average: by a factor of 1.8 for one catch, 1.11 for 5, 1.05 for 10. A ratio has
as many runs in both cells, so that the two err alike, or, where the plan comes
near one catch per teardown, only the one without: then the ratio is too low.
"""
import itertools
import math
import statistics

from runs import best_build

SIGNATURES_MAX = 2  # of a (control, build)
EASY = 100          # teardowns to catch, on average: such need no plan
RATIO_MIN = 100     # geometric mean, plan to no plan
SCHEDULES_MEDIAN_MAX = 100  # of explore, over the controls' medians


def at_most(k, mean):
    """The probability of k events or fewer where `mean` are expected."""
    return sum(math.exp(i * math.log(mean) - mean - math.lgamma(i + 1))
               for i in range(k + 1)) if mean > 0 else 1.0


def mean_for(k, probability):
    """The mean at which at_most(k, mean) has this value."""
    low, high = 0.0, k + 10 * math.sqrt(k + 1) + 10
    for _ in range(100):
        middle = (low + high) / 2
        if at_most(k, middle) > probability:
            low = middle
        else:
            high = middle
    return low


def interval(k):
    """95 %, of the mean behind k events (Garwood); of none, one-sided."""
    if k == 0:
        return 0.0, 3.0
    return mean_for(k - 1, 0.975), mean_for(k, 0.025)


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(v) for v in values))


def name_of(run):
    return " ".join(filter(None, (run["kind"], run["invariant"])))


def tally(words):
    words = list(words)
    return {word: words.count(word) for word in sorted(set(words))}


def row_of(runs):
    """A cell of the table; `runs` are its own, at least one."""
    caught = [run for run in runs if run["kind"]]
    teardowns = sum(run["teardowns"] for run in runs) + len(caught)
    low, high = (mean / max(teardowns, 1) for mean in interval(len(caught)))
    middle = (lambda key: statistics.median(run[key] for run in caught)
              if caught else None)
    return {
        "control": runs[0]["control"], "build": runs[0]["build"],
        "lru": runs[0]["lru"], "plan": runs[0]["plan"],
        "runs": len(runs), "caught": len(caught),
        "as_expected": sum(run["as_expected"] for run in caught),
        "found": tally(name_of(run) for run in caught),
        "engine": runs[0]["engine"], "limit": runs[0]["limit"],
        "schedules_to_catch": middle("schedules"),
        "schedules_max": max((run["schedules"] for run in caught),
                             default=None),
        "seconds_max": max((run["duration_s"] for run in caught),
                           default=None),
        "seconds_to_catch": middle("duration_s"),
        "teardowns_to_catch": middle("teardowns"),
        "teardowns": teardowns,
        "findings_per_teardown": len(caught) / max(teardowns, 1),
        "low": low, "high": min(high, 1.0),
    }


def ratio_of(plan, bare):
    """Findings per teardown, plan to no plan, of two rows (None: not run).

    Returns (ratio, whether it is at least that, why it is left out).
    """
    if bare is None:
        return None, False, "not run without its plan"
    if plan is None:
        return None, False, "not run with its plan"
    if not plan["caught"]:
        return None, False, "not caught with its plan"
    if plan["seconds_to_catch"] >= plan["limit"]:
        return None, False, "noticed only when the run has ended"
    if bare["findings_per_teardown"] * EASY >= 1:
        return None, False, (f"caught in {EASY} teardowns without a plan, on "
                             "average")
    if bare["teardowns"] < EASY:
        return None, False, f"fewer than {EASY} teardowns without a plan"
    rate = bare["findings_per_teardown"] or 3.0 / bare["teardowns"]
    return plan["findings_per_teardown"] / rate, not bare["caught"], None


def ratios_of(rows, best, without_faults):
    """A ratio for each control that has a row in its best build."""
    cells = {(row["control"], row["plan"]): row for row in rows
             if row["build"] == best[row["control"]]}
    ratios = []
    for control in sorted({control for control, _ in cells}):
        ratio, at_least, why = ratio_of(cells.get((control, True)),
                                        cells.get((control, False)))
        if control in without_faults:
            ratio, why = None, "the plan has no faults"
        ratios.append({"control": control, "build": best[control],
                       "ratio": ratio, "at_least": at_least,
                       "left_out": why})
    return ratios


def invariants_of(control):
    """Those it may break; of one that only a detector sees, the kinds."""
    rows = control["expect"]
    return ({e["invariant"] for e in rows if e["invariant"]} or
            {e["kind"] for e in rows})


def shared_of(runs, controls, reasons):
    """Signatures that several controls have come to, and what that means.
    Judged are runs with the plan; those without only tell who else came to it.
    """
    seen, anyhow = {}, {}
    for run in runs:
        if run["kind"]:
            anyhow.setdefault(run["signature"], set()).add(run["control"])
            if run["plan"]:
                seen.setdefault(run["signature"], set()).add(run["control"])
    shared = []
    for signature, everybody in sorted(anyhow.items()):
        if len(everybody) < 2:
            continue
        names = seen.get(signature, set())
        known = reasons.get(signature, {"controls": [], "reason": None})
        shared.append({
            "signature": signature, "controls": sorted(names),
            "without_plan": sorted(everybody - names),
            "differ": [list(pair) for pair in
                       itertools.combinations(sorted(names), 2)
                       if not set.intersection(*(invariants_of(controls[name])
                                                 for name in pair))],
            "unexplained": (sorted(names - set(known["controls"]))
                            if len(names) > 1 else []),
            "reason": known["reason"]})
    return shared


def signatures_of(runs):
    """{(control, build): {signature: how often}}."""
    cells = {}
    for run in runs:
        cell = cells.setdefault((run["control"], run["build"]), [])
        if run["kind"]:
            cell.append(run["signature"])
    return {cell: tally(found) for cell, found in sorted(cells.items())}


def table_of(runs, controls, without_faults, args, reasons):
    """All that is published. `controls` by name; of `runs`, the table counts
    seeds 1 to args.runs, signatures all. Those of runs without the plan are
    shown, not judged."""
    best = {name: best_build(c) for name, c in controls.items()}
    cell = (lambda run: (run["control"], run["build"] != best[run["control"]],
                         run["build"], run["lru"], not run["plan"]))
    counted = sorted((run for run in runs if run["seed"] <= args.runs),
                     key=cell)
    rows = [row_of(list(group))
            for _, group in itertools.groupby(counted, cell)]
    ratios = ratios_of(rows, best, without_faults)
    used = [r["ratio"] for r in ratios if r["ratio"]]
    planned = [run for run in runs if run["plan"]]
    signatures = signatures_of(planned)
    bare = signatures_of(run for run in runs if not run["plan"])
    table = {
        "schema": "lrutorture:kill_table:2", "engine": "stress",
        "commit": sorted({run["commit"] for run in runs}),
        "lru": args.lru, "runs": args.runs, "limit": args.limit,
        "controls": len(controls),
        "killed": sorted(row["control"] for row in rows if row["plan"] and
                         row["build"] == best[row["control"]] and
                         row["as_expected"] == row["runs"] == args.runs),
        "geometric_mean": geometric_mean(used) if used else None,
        "rows": rows, "ratios": ratios,
        "signatures": [{"control": control, "build": build, "found": found,
                        "without_plan": {
                            name: n for name, n in
                            bare.get((control, build), {}).items()
                            if name not in found},
                        "runs": sum(run["control"] == control and
                                    run["build"] == build for run in planned),
                        "best": build == best[control]}
                       for (control, build), found in signatures.items()],
        "shared": shared_of(runs, controls, reasons),
    }
    table["failures"] = list(failures_of(table, best, args))
    return table


def explore_table_of(runs, controls, args, reasons):
    """As table_of(), of explore. `reasons`: of controls that it may miss, those
    about real parallelism, time, or allocations that fail."""
    best = {name: best_build(c) for name, c in controls.items()}
    cell = (lambda run: (run["control"], run["build"] != best[run["control"]],
                         run["build"], run["lru"]))
    rows = [row_of(list(group))
            for _, group in itertools.groupby(sorted(runs, key=cell), cell)]
    best_rows = [row for row in rows if row["build"] == best[row["control"]]]
    missed = {row["control"]: reasons.get(row["control"]) for row in best_rows
              if row["as_expected"] < row["runs"]}
    medians = [row["schedules_to_catch"] for row in best_rows
               if row["caught"] and row["control"] not in missed]
    table = {
        "schema": "lrutorture:kill_table:2", "engine": "explore",
        "commit": sorted({run["commit"] for run in runs}),
        "lru": args.lru, "runs": args.runs, "limit": args.limit,
        "controls": len(controls),
        "killed": sorted(row["control"] for row in best_rows
                         if row["as_expected"] == row["runs"] == args.runs),
        "missed": missed, "rows": rows,
        "median": statistics.median(medians) if medians else None,
        "maximum": max((row["schedules_max"] for row in best_rows
                        if row["caught"]), default=None),
    }
    table["failures"] = [failure for failure in misses_of(best_rows, best)
                         if not reasons.get(failure.split()[0])]
    if table["median"] and table["median"] > SCHEDULES_MEDIAN_MAX:
        table["failures"].append(f"median of {table['median']:.0f} schedules "
                                 f"to catch, not {SCHEDULES_MEDIAN_MAX}")
    return table


def schedules_of(told):
    """What a run of explore has taken to catch, or explored in vain."""
    if not told["explore"]:
        return 0
    finding = told["finding"] or {}
    index = (finding.get("replay") or {}).get("schedule_index")
    if index is not None:
        return index + 1
    return told["explore"]["schedules"]  # with one that was given up


def misses_of(rows, best):
    """Of controls that have to be caught in each run, and were not."""
    for row in rows:
        if (row["plan"] and row["build"] == best[row["control"]] and
                row["as_expected"] < row["runs"]):
            yield (f"{row['control']} {row['build']}: caught as expected in "
                   f"{row['as_expected']} of {row['runs']} runs, found "
                   f"{shown_found(row)}")


def failures_of(table, best, args):
    yield from misses_of(table["rows"], best)
    mean = table["geometric_mean"]
    if mean and mean < RATIO_MIN and not args.control:
        yield f"geometric mean {mean:.3g}, not {RATIO_MIN}"
    for cell in table["signatures"]:
        if len(cell["found"]) > SIGNATURES_MAX:
            yield (f"{cell['control']} {cell['build']}: {len(cell['found'])} "
                   f"signatures: {', '.join(cell['found'])}")
    for share in table["shared"]:
        for one, other in share["differ"]:
            yield (f"{share['signature']}: shared by {one} and {other}, which "
                   "have no invariant in common")
        if share["unexplained"]:
            yield (f"{share['signature']}: shared by "
                   f"{', '.join(share['controls'])}; "
                   "scripts/shared_signatures.json has no reason for "
                   f"{', '.join(share['unexplained'])}")


def shown_found(row):
    return ", ".join(f"{what} x{n}" for what, n in row["found"].items()) or "-"


def shown(value, digits=2):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.{digits}g}"


def markdown_table(head, rows):
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(str(word) for word in row)} |"


def explore_summary(table):
    """As summary(), of explore."""
    rows = table["rows"]
    yield (f"{table['controls']} controls; {len(table['killed'])} are caught "
           f"as expected in {table['runs']} of {table['runs']} runs of at most "
           f"{table['limit']:,} schedules in their best build. Median of the "
           f"controls' medians: schedule {shown(table['median'])}; slowest "
           f"run: schedule {table['maximum'] or '-'}.")
    yield ""
    if table["missed"]:
        yield "Not caught as expected in each run, and why:"
        yield ""
        yield from (f"- {name}: {reason or 'no reason is known'}"
                    for name, reason in table["missed"].items())
        yield ""
    cells = []
    for build in dict.fromkeys(row["build"] for row in rows):
        here = [row for row in rows if row["build"] == build]
        caught = [row for row in here if row["caught"]]
        middle = (lambda key: shown(statistics.median(
            row[key] for row in caught), 3) if caught else "-")
        top = (lambda key: shown(max((row[key] for row in caught),
                                     default=None), 3))
        cells.append((
            build, len(here),
            sum(row["caught"] == row["runs"] for row in here),
            sum(row["as_expected"] == row["runs"] for row in here),
            middle("schedules_to_catch"), top("schedules_max"),
            middle("seconds_to_catch"), top("seconds_max")))
    yield from markdown_table(
        ("build", "controls", "caught in all runs", "as expected in all",
         "median schedules to catch", "most", "median s", "most"), cells)
    yield ""
    yield (f"Commit {', '.join(table['commit'])}, {table['machine']}, "
           f"{table['date']}.")


def head_of(table, title, lines):
    yield f"# {title}"
    yield ""
    yield from lines
    if table["cells_done"] < table["cells"]:
        yield ""
        yield f"Incomplete: {table['cells_done']} of {table['cells']} cells."
    yield ""
    yield from [f"FAIL {line}\n" for line in table["failures"]]


def explore_markdown(table):
    yield from head_of(table, "Kill table of explore", explore_summary(table))
    yield from ("## Cells", "", "Schedules up to the one that caught, and "
                "seconds: median and maximum of the runs that did.", "")
    yield from markdown_table(
        ("control", "build", "lru", "caught", "as expected", "found",
         "schedules", "most", "s", "most"),
        ((row["control"], row["build"], row["lru"],
          f"{row['caught']} of {row['runs']}",
          f"{row['as_expected']} of {row['runs']}", shown_found(row),
          shown(row["schedules_to_catch"], 3), row["schedules_max"] or "-",
          shown(row["seconds_to_catch"]), shown(row["seconds_max"]))
         for row in table["rows"]))


def summary(table):
    """The lines that stand on top, and in README.md."""
    if table["engine"] == "explore":
        yield from explore_summary(table)
        return
    rows = [row for row in table["rows"] if row["plan"]]
    left_out = {}
    for r in table["ratios"]:
        left_out.setdefault(r["left_out"], []).append(r["control"])
    used = left_out.pop(None, [])
    yield (f"{table['controls']} controls; {len(table['killed'])} are caught "
           f"as expected in {table['runs']} of {table['runs']} runs of at most "
           f"{table['limit']} s in their best build.")
    yield ""
    yield (f"Findings per teardown, plan to no plan: geometric mean "
           f"{shown(table['geometric_mean'])} over {len(used)} controls. "
           "Left out:" + " nobody." * (not left_out))
    yield ""
    yield from (f"- {why}: {', '.join(names)}"
                for why, names in sorted(left_out.items()))
    yield ""
    cells = []
    for build in dict.fromkeys(row["build"] for row in rows):
        here = [row for row in rows if row["build"] == build]
        times = [row["seconds_to_catch"] for row in here if row["caught"]]
        cells.append((
            build, len(here),
            sum(row["caught"] == row["runs"] for row in here),
            sum(row["as_expected"] == row["runs"] for row in here),
            shown(statistics.median(times) if times else None),
            shown(max(times, default=None))))
    yield from markdown_table(
        ("build", "controls", "caught in all runs", "as expected in all",
         "median s to catch", "slowest median"), cells)
    yield ""
    yield (f"Commit {', '.join(table['commit'])}, {table['machine']}, "
           f"{table['date']}.")


def markdown(table):
    """kill_table.md, line by line."""
    if table["engine"] == "explore":
        yield from explore_markdown(table)
        return
    yield from head_of(table, "Kill table", summary(table))
    yield "## Cells"
    yield ""
    yield ("Times and teardowns are medians of the runs that caught; findings "
           "per teardown with their 95 % interval (Poisson, exact).")
    yield ""
    yield from markdown_table(
        ("control", "build", "lru", "plan", "caught", "as expected", "found",
         "s", "teardowns", "per teardown", "95 %"),
        ((row["control"], row["build"], row["lru"],
          "plan" if row["plan"] else "no plan",
          f"{row['caught']} of {row['runs']}",
          f"{row['as_expected']} of {row['runs']}", shown_found(row),
          shown(row["seconds_to_catch"]), shown(row["teardowns_to_catch"], 3),
          f"{row['findings_per_teardown']:.2g}",
          f"{row['low']:.2g} .. {row['high']:.2g}") for row in table["rows"]))
    yield from ("", "## Plan to no plan, findings per teardown, best build", "")
    yield from markdown_table(
        ("control", "build", "ratio", "left out"),
        ((r["control"], r["build"],
          ("at least " if r["at_least"] else "") + shown(r["ratio"]),
          r["left_out"] or "") for r in table["ratios"]))
    yield from ("", "## Signatures, best build, with the plan", "")
    best = [cell for cell in table["signatures"] if cell["best"]]
    names = sorted({name for cell in best for name in cell["found"]})
    yield from markdown_table(
        ("control", "build", "runs", *(f"S{i + 1}" for i in range(len(names)))),
        ((cell["control"], cell["build"], cell["runs"],
          *(cell["found"].get(name, "") for name in names)) for cell in best))
    yield ""
    yield from (f"- S{i + 1} `{name}`" for i, name in enumerate(names))
    yield from ("", "Without the plan only, not judged:", "")
    for cell in table["signatures"]:
        if cell["without_plan"]:
            yield (f"- {cell['control']} {cell['build']}: " +
                   ", ".join(f"`{name}` x{n}" for name, n in
                             cell["without_plan"].items()))
    yield from ("", "Shared, in any build:", "")
    for share in table["shared"]:
        also = ", ".join(share["without_plan"])
        reason = share["reason"] or ("No reason is known."
                                     if len(share["controls"]) > 1 else "")
        yield (f"- `{share['signature']}`: "
               f"{', '.join(share['controls']) or 'nobody'}"
               f"{'; without the plan also ' * bool(also)}{also}. "
               f"{reason}").rstrip()
        if share["reason"] and share["unexplained"]:
            yield f"  No reason for {', '.join(share['unexplained'])}."
