"""Fails when a test was skipped that the committed list doesn't allow.

    check_skips.py build/junit.xml .ci/allowed-skips.txt

A line of the list is `pattern | reason`: the pattern is a shell pattern for a whole
`test name: what the test said`, and the reason says when that is all right. An expected failure
counts as a skip. Standard library only, so that CI can run it with any Python 3.
"""

import sys
from fnmatch import fnmatchcase
from pathlib import Path
from xml.etree import ElementTree as ET


def skipped(junit: Path) -> tuple[int, list[str]]:
    """How many tests a JUnit file tells of, and `name: message` of each that was skipped."""
    # pytest wrote this file a moment ago: it is not an enemy's XML.
    cases = list(ET.parse(junit).iter("testcase"))  # noqa: S314 - see above
    lines = []
    for case in cases:
        for skip in case.iter("skipped"):
            name = f"{case.get('classname', '')}.{case.get('name', '')}".lstrip(".")
            lines.append(f"{name}: {' '.join(skip.get('message', '').split())}")
    return len(cases), lines


def allowed(listing: Path) -> list[str]:
    """The patterns of the list; raises ValueError for a line without a reason."""
    patterns = []
    for number, line in enumerate(listing.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, bar, reason = line.partition(" | ")
        if not bar or not pattern.strip() or not reason.strip():
            message = f"{listing.name}, line {number}: write `pattern | reason`"
            raise ValueError(message)
        patterns.append(pattern.strip())
    return patterns


def main(junit: Path, listing: Path) -> int:
    """Print every skip that isn't allowed; returns the exit code."""
    try:
        patterns = allowed(listing)
        count, lines = skipped(junit)
    except (OSError, ValueError, ET.ParseError) as error:
        print(f"check_skips: {error}", file=sys.stderr)
        return 2
    if count == 0:
        print("check_skips: no test ran at all", file=sys.stderr)
        return 1
    unlisted = [line for line in lines if not any(fnmatchcase(line, p) for p in patterns)]
    for line in unlisted:
        print(f"check_skips: skipped, and not in {listing}: {line}", file=sys.stderr)
    return 1 if unlisted else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
