#!/usr/bin/env python3
"""Fails when a room includes what its arrows do not allow (README.md).

With --self-test it checks that a forbidden include is found.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
HARNESS_SEES = {"lru/fault_points.h", "lru/sync/engine.h", "lru/sync/task.h",
                "lru/sync/tsan.h", "lru/sync/types.h"}
# The operating system's threads and RCU belong to lru/sync/ alone; the
# supervisor's processes and signals are the harness's own.
SYNC_ONLY = re.compile(r"^(urcu.*|pthread\.h|thread|mutex|shared_mutex"
                       r"|condition_variable|future|semaphore|latch|barrier)$")


def why_forbidden(file, included):
    """Says why `file` must not include `included`, or returns None."""
    room = file.split("/")[0]
    test = file.endswith("_test.cc") or "turn_engine" in file
    if SYNC_ONLY.match(included):
        if file.startswith("lru/sync/") or test:
            return None
        return "threads and RCU belong to lru/sync/"
    target = included.split("/")[0]
    if room == "lru" and target in ("harness", "workloads"):
        return "lru/ knows nobody"
    if room == "harness" and target == "workloads":
        return "the harness knows no workload"
    if room == "harness" and target == "lru" and not test:
        if included not in HARNESS_SEES:
            return "the harness sees of lru/ only " + ", ".join(
                sorted(HARNESS_SEES))
    return None


def check(files):
    errors = []
    for name, text in files:
        for number, line in enumerate(text.splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            why = why_forbidden(name, match.group(2))
            if why:
                errors.append(f"{name}:{number}: {match.group(2)}: {why}")
    return errors


def self_test():
    bad = [("lru/css.cc", '#include "harness/plan.h"\n'),
           ("harness/hook.cc", '#include "lru/memcg.h"\n'),
           ("harness/hook.cc", '#include "workloads/world.h"\n'),
           ("workloads/world.cc", "#include <pthread.h>\n"),
           ("lru/memcg.cc", "#include <urcu/urcu-memb.h>\n"),
           ("harness/stress.cc", "#include <mutex>\n")]
    good = [("workloads/world.cc", '#include "lru/css.h"\n'),
            ("harness/hook.cc", '#include "lru/fault_points.h"\n'),
            ("lru/sync/rcu.cc", "#include <urcu/urcu-memb.h>\n")]
    assert len(check(bad)) == len(bad), check(bad)
    assert not check(good), check(good)


def main():
    self_test()
    if "--self-test" in sys.argv:
        return 0
    files = []
    for room in ("lru", "harness", "workloads"):
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in (".h", ".cc"):
                files.append((str(path.relative_to(ROOT)), path.read_text()))
    errors = check(files)
    for error in errors:
        print(error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
