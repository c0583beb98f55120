"""All that alertd's commands load, for processes to be forked with; imported by `forked`'s server.

What is settled while it loads is settled here, whatever the tests' own terminal is: English, and
not on a terminal.
"""

import gc
import importlib
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

# What commands load when they are under way; it is found by comparing `sys.modules`.
LATER = (
    *("uvicorn.loops.auto", "uvicorn.protocols.http.auto", "uvicorn.lifespan.on"),
    *("anyio._backends._asyncio", "httpcore", "channels.chat.webhook"),
)


def _load() -> None:
    for name in [name for name in os.environ if name.startswith("ALERTD_")]:
        del os.environ[name]
    os.environ["LC_ALL"] = "C.UTF-8"
    commands = importlib.import_module("alertd.cli.main")
    for path in sorted(Path(commands.__file__).parent.glob("[a-z]*.py")):
        importlib.import_module(f"alertd.cli.{path.stem}")
    for name in (*LATER, "tests.forked", "tests.faults.victim"):
        importlib.import_module(name)
    # Half of a server's start is parsing the shipped templates' sources, which are kept.
    importlib.import_module("alertd.messages").load_library()


gc.disable()
with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
    sys.stdout.flush()
    with redirect_stdout(nowhere), redirect_stderr(nowhere):
        _load()
gc.collect()
gc.freeze()  # what is loaded stays, here and in all that is forked from here
gc.enable()
