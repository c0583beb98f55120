"""Plays nights on the code that lies in this tree at the moment, a fresh process each time.

The libraries are loaded once, here; ours by each child, after the fork. A line of stdin names what
to play, as JSON: `city` (a scratch file), `seeds`, `out`. The child writes to `out` which promises
its nights broke, and ends with the first seed that broke any; one line of stdout says that it has.
"""

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

LIBRARIES = (
    *("sqlalchemy", "sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql", "sqlmodel"),
    *("pydantic", "jinja2", "structlog", "psycopg", "alembic.command", "lxml.etree", "httpx"),
    *("cryptography.hazmat.primitives.ciphers.aead", "python_calamine", "phonenumbers"),
)


def _play(asked: dict[str, Any]) -> dict[str, Any]:
    nights = importlib.import_module("tests.nights")
    with nights.city(Path(asked["city"])) as opened:
        for seed in asked["seeds"]:
            broken = nights.play(opened, seed).broken
            if broken:
                return {"seed": seed, "broken": broken}
    return {"seed": None, "broken": []}


def _child(asked: dict[str, Any]) -> None:
    try:
        found = _play(asked)
    except BaseException:  # noqa: BLE001 - told to whoever asked
        found = {"error": traceback.format_exc()}
    Path(asked["out"]).write_text(json.dumps(found), encoding="utf-8")
    os._exit(0)


def main() -> None:
    """Serve until stdin ends."""
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            _child(json.loads(line))
        os.waitpid(process, 0)
        print("done", flush=True)


if __name__ == "__main__":
    main()
