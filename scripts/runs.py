"""Whole runs of lrutorture, as measure.py and kill_table.py need them."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PRESETS = ["release", "asan", "tsan", "gcc"]

_live = set()


class RunFailed(Exception):
    """A program that does not tell what it was asked."""


def binary(preset):
    return str(ROOT / "build" / preset / "lrutorture")


def run(program, *arguments):
    """One run; returns its exit code and its report."""
    with tempfile.TemporaryDirectory() as out:
        # In a group of its own: Ctrl-C is for us, and we end all of it.
        process = subprocess.Popen(
            [program, "run", *arguments, "--quiet", "--out", out],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True)
        _live.add(process)
        try:
            _, errors = process.communicate()
        finally:
            _live.discard(process)
            _kill(process)
        path = pathlib.Path(out) / "report.json"
        report = json.loads(path.read_text()) if path.exists() else None
    if report is None:
        last = (errors.strip().splitlines() or ["no report"])[-1]
        raise RunFailed(f"{program} run {' '.join(arguments)}: "
                        f"exit {process.returncode}: {last}")
    return process.returncode, report


def _kill(process):
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def kill_all():
    """Ends the runs of all threads; each of them raises RunFailed."""
    for process in list(_live):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def list_of(program, what):
    """What `lrutorture list WHAT` has, as objects."""
    try:
        return json.loads(subprocess.run(
            [program, "list", what, "--json"], check=True,
            stdout=subprocess.PIPE, text=True).stdout)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise RunFailed(f"{program} list {what}: {error}")


def applies_to(control, lru):
    return control["lru"] == "all" or lru in control["lru"].split(",")


def best_build(control):
    return control["expect"][0]["build"]


def as_expected(control, build, finding):
    """`finding` has a kind and an invariant (None or "": none), or is None."""
    if finding is None:
        return False
    kinds = {finding["kind"]}
    if finding.get("engine") == "explore" and finding["kind"] == "deadlock":
        kinds.add("stall")  # what stress can only see as that
    return any(
        e["build"] == build and e["kind"] in kinds and
        e["invariant"] == (finding.get("invariant") or "")
        for e in control["expect"])
