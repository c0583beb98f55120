"""Runs commands one after the other in this one process, whose language is settled at its start.

A process for each would cost two seconds of it in imports. A line on stdin is a command's arguments
as JSON; a line on stdout is what it said. `tests.acceptance.test_cli_chinese` is who asks.
"""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

from alertd.cli.main import main


def run(arguments: list[str]) -> dict[str, object]:
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["alertd", *arguments]
    code: object = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as left:
            code = left.code
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run(json.loads(line))) + "\n")
        sys.stdout.flush()
