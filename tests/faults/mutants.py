"""Measure how well the unit tests bite: mutmut on the decisions, the journal and the signing code.

    python -m tests.faults.mutants [--area decide] [--max-children 2] [--out build/mutants.json]

Each area is a copy of the tree under build/mutants, where mutmut changes one thing at a time and
runs those of the area's tests that reach the changed function. `--resume` goes on in the copies of
a run that was stopped; `--again FILE` runs, in a new copy, only the mutants that an earlier report
names as survivors. Exit code 1 where an area is under the goal.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COPIED = ("alertd", "channels", "config", "drills", "rosters", "tests")
GOAL = 0.85
# Exit codes of a mutant's test run: pytest's, mutmut's own, and the CPU limit that it sets.
VERDICTS = {0: "survived", 1: "killed", 3: "killed", 33: "no tests", 36: "timeout", -24: "timeout"}


@dataclass(frozen=True, slots=True)
class Area:
    """What is mutated, and the tests that are there for it."""

    mutated: tuple[str, ...]
    tests: tuple[str, ...]


AREAS = {
    "decide": Area(
        ("alertd/decide/*.py",),
        (
            *("correlate", "escalate", "expand", "lifecycle", "links", "naming", "plan", "settle"),
            *("decide_details", "route_shares", "supersede", "breaker", "budget", "forecast"),
            *("halt", "space", "timekeeping", "typed", "sheets", "drill_plan"),
        ),
    ),
    "grammar": Area(("alertd/decide/grammar/*.py",), ("grammar",)),
    "journal": Area(("alertd/store/journal.py",), ("journal_chains",)),
    "signing": Area(
        (
            *("channels/chat/webhook.py", "channels/sms/handset_wire.py"),
            *("channels/sms/twilio_hooks.py", "channels/twilio_signature.py"),
            *("channels/twilio_try.py", "channels/voice/twilio_calls.py"),
            *("channels/mail/marks.py", "channels/loudspeaker/commands.py"),
            *("channels/loudspeaker/keys.py", "alertd/web/auth.py", "alertd/web/passwords.py"),
            *("alertd/web/throttle.py", "alertd/store/links.py"),
        ),
        (
            *("channels_twilio", "channels_twilio_voice", "channels_mail"),
            *("channels_webhook", "links", "loudspeaker_commands", "loudspeaker_settings"),
            *("passwords", "signatures", "web_auth", "web_throttle"),
        ),
    ),
}


def config_of(area: Area) -> str:
    """The area's [tool.mutmut]."""
    tests = [f"tests/unit/test_{name}.py" for name in area.tests]
    settings: dict[str, Any] = {
        "source_paths": ["alertd", "channels"],
        "only_mutate": list(area.mutated),
        # The grammar is another area, which fnmatch's * would take in.
        "do_not_mutate": [] if "grammar" in area.mutated[0] else ["alertd/decide/grammar/*.py"],
        "also_copy": ["config", "drills", "rosters"],
        # Hypothesis' own profile `ci` has no deadline, and the same examples for every mutant.
        "pytest_add_cli_args": [
            *("-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=ci"),
        ],
        "pytest_add_cli_args_test_selection": [name for name in tests if (ROOT / name).is_file()],
        # A child of mutmut's plain fork that fails by itself (pytest's exit code 4, for one) ends
        # with 1, which is a kill; the fork server's ends with 255, which we don't count.
        "process_isolation": "forkserver",
        "use_git_change_detection": False,
        "use_setproctitle": False,
        "timeout_multiplier": 30.0,
        "timeout_constant": 10.0,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    return "\n".join(["", "[tool.mutmut]", *lines, ""])


def prepared(name: str, *, resume: bool) -> Path:
    """The area's copy of the tree."""
    tree = ROOT / "build" / "mutants" / name
    if tree.exists() and not resume:
        shutil.rmtree(tree)
    if not tree.exists():
        tree.mkdir(parents=True)
        ignored = shutil.ignore_patterns("__pycache__")
        for folder in COPIED:
            shutil.copytree(ROOT / folder, tree / folder, ignore=ignored)
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        (tree / "pyproject.toml").write_text(text + config_of(AREAS[name]), encoding="utf-8")
    return tree


def read(tree: Path) -> dict[str, str]:
    """Verdict by mutant."""
    found: dict[str, str] = {}
    for meta in sorted((tree / "mutants").rglob("*.meta")):
        codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        for mutant, code in codes.items():
            said = "not run" if code is None else VERDICTS.get(code, f"exit {code}")
            found[mutant] = said
    return found


def module_of(mutant: str) -> str:
    """`alertd.decide.plan.x_room__mutmut_1` → `alertd.decide.plan`."""
    return re.split(r"\.x[_ǁ]", mutant)[0]


def summed(found: dict[str, str]) -> dict[str, Any]:
    """Counts by module and in all; killed is of those that ran, and a timeout is a kill."""
    modules: dict[str, Counter[str]] = {}
    for mutant, said in found.items():
        modules.setdefault(module_of(mutant), Counter())[said] += 1
    whole = sum(modules.values(), Counter[str]())
    return {
        "killed": share(whole),
        "counts": dict(whole),
        "modules": {
            name: {"killed": share(counts), "counts": dict(counts)}
            for name, counts in modules.items()
        },
        "survivors": sorted(
            mutant for mutant, said in found.items() if said not in {"killed", "timeout"}
        ),
    }


def share(counts: Counter[str]) -> float:
    """How many of the mutants were noticed."""
    noticed = counts["killed"] + counts["timeout"]
    return round(noticed / counts.total(), 4) if counts.total() else 0.0


def again(report: Path, name: str) -> list[str]:
    """The survivors of an earlier run: those whose function is still the same have their names."""
    told = json.loads(report.read_text(encoding="utf-8"))
    return list(told[name]["survivors"])


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--area", action="append", choices=list(AREAS))
    asked.add_argument("--max-children", type=int, default=2)
    asked.add_argument("--resume", action="store_true")
    asked.add_argument("--again", type=Path)
    asked.add_argument("--out", type=Path, default=ROOT / "build" / "mutants.json")
    given = asked.parse_args()
    report: dict[str, Any] = {}
    for name in given.area or AREAS:
        tree = prepared(name, resume=given.resume)
        command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(given.max_children)]
        chosen = again(given.again, name) if given.again else []
        subprocess.run([*command, *chosen], cwd=tree, check=False)
        found = read(tree)
        report[name] = summed({key: found[key] for key in chosen or found if key in found})
        print(
            f"\n{name}: {report[name]['killed']:.1%} killed, {report[name]['counts']}", flush=True
        )
        for module, figures in report[name]["modules"].items():
            print(f"  {module}: {figures['killed']:.1%}, {figures['counts']}", flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return int(any(area["killed"] < GOAL for area in report.values()))


if __name__ == "__main__":
    sys.exit(main())
