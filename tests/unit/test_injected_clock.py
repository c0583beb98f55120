"""Time and chance come in through arguments: decide, engine and store never fetch them.

The same engine runs live, under a test's clock and inside the simulator; one hidden call of the
wall clock or of a random number would make them differ. The checker reads the syntax tree, and
the planted examples show that it bites.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("alertd/decide", "alertd/engine", "alertd/store")

BANNED_MODULES = {"time", "random", "secrets", "uuid", "uuid_utils"}
BANNED_NAMES = {
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "os.urandom",
    "os.getrandom",
    "asyncio.timeout_at",
}
# SQLAlchemy's `func.x` for each of these is the database's own clock or dice.
SQL_FUNCTIONS = {
    "clock_timestamp",
    "current_date",
    "current_time",
    "current_timestamp",
    "gen_random_uuid",
    "julianday",
    "localtime",
    "localtimestamp",
    "now",
    "random",
    "randomblob",
    "statement_timestamp",
    "sysdate",
    "timeofday",
    "transaction_timestamp",
    "unixepoch",
    "uuidv7",
}
SQL_TEXT = re.compile(
    r"""\b(?:now|random|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday
          |gen_random_uuid|uuidv7|sysdate)\s*\(\s*\)
      | \brandomblob\s*\( | \bcurrent_(?:timestamp|date)\b | \bcurrent_time\b | \blocaltimestamp\b
      | \b(?:datetime|date|strftime|julianday|unixepoch)\s*\([^)]*'now'
      | \bunixepoch\s*\(\s*\)""",
    re.IGNORECASE | re.VERBOSE,
)
EMPTY_CONTAINERS = {"dict", "frozenset", "list", "set", "tuple"}


class Checker(ast.NodeVisitor):
    """Collects `line: what` for everything that fetches time or chance by itself."""

    def __init__(self, tree: ast.AST) -> None:
        self.found: list[str] = []
        self.names: dict[str, str] = {}  # what a local name stands for, as a dotted path
        self.docstrings = set(_docstrings(tree))
        self.visit(tree)

    def _report(self, node: ast.expr | ast.stmt, what: str) -> None:
        self.found.append(f"{node.lineno}: {what}")

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.split(".")[0] in BANNED_MODULES:
                self._report(node, f"import {alias.name}")
            local = alias.asname or alias.name.split(".")[0]
            self.names[local] = alias.name if alias.asname else local

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level == 0 and module.split(".")[0] in BANNED_MODULES:
            self._report(node, f"from {module} import …")
        for alias in node.names:
            path = f"{module}.{alias.name}"
            self.names[alias.asname or alias.name] = path
            if path in BANNED_NAMES or (
                module.startswith("sqlalchemy") and alias.name in SQL_FUNCTIONS
            ):
                self._report(node, f"from {module} import {alias.name}")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        path = self._dotted(node)
        if path in BANNED_NAMES:
            self._report(node, path)
        if node.attr in SQL_FUNCTIONS and self._dotted(node.value).split(".")[-1] == "func":
            self._report(node, f"func.{node.attr}")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr == "time" and not node.args:
            self._report(node, ".time()")  # an event loop's clock
        if self._dotted(function) in {"importlib.import_module", "__import__"}:
            self._check_dynamic_import(node)
        for keyword in node.keywords:
            if keyword.arg == "default_factory" and not _makes_empty(keyword.value):
                self._report(node, f"default_factory={ast.unparse(keyword.value)}")
            if keyword.arg in {"default", "insert_default", "onupdate"} and isinstance(
                keyword.value, ast.Lambda
            ):
                self._report(node, f"{keyword.arg}={ast.unparse(keyword.value)}")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, str) or node in self.docstrings:
            return
        hit = SQL_TEXT.search(node.value)
        if hit:
            self._report(node, f"SQL {hit.group()}")

    def _check_dynamic_import(self, node: ast.Call) -> None:
        first = node.args[0] if node.args else None
        if not isinstance(first, ast.Constant) or str(first.value) in BANNED_MODULES:
            self._report(node, "an import by a name that can't be read here")

    def _dotted(self, node: ast.expr) -> str:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        parts.append(self.names.get(node.id, node.id))
        return ".".join(reversed(parts))


def _docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in node.body[:1]:
                if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                    yield statement.value


def _makes_empty(factory: ast.expr) -> bool:
    """Whether a default factory only makes an empty container or a value of a class."""
    if isinstance(factory, ast.Subscript):  # list[str]
        factory = factory.value
    name = factory.attr if isinstance(factory, ast.Attribute) else getattr(factory, "id", "")
    return name in EMPTY_CONTAINERS or name[:1].isupper()


def hidden_sources(source: str) -> list[str]:
    """What in `source` fetches time or chance by itself, as `line: what`."""
    return Checker(ast.parse(source)).found


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_of_the_engine_fetches_time_or_chance(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files, f"{room} has gone: name the new one here"
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in files
        for line in hidden_sources(path.read_text(encoding="utf-8"))
    ]
    assert not found


@pytest.mark.parametrize("room", ROOMS)
def test_no_sql_or_template_beside_them_does_either(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {hit.group()}"
        for path in sorted((ROOT / room).rglob("*"))
        if path.suffix in {".sql", ".mako", ".jinja", ".toml"}
        for hit in SQL_TEXT.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found


@pytest.mark.parametrize(
    "planted",
    [
        "import time",
        "import time as clock",
        "import random, os",
        "from time import monotonic",
        "from secrets import token_hex",
        "def late():\n    import uuid\n",
        "from uuid_utils import uuid7",
        "import importlib\nimportlib.import_module('time')",
        "import importlib\nimportlib.import_module(name)",
        "__import__('random')",
        "from datetime import datetime\nat = datetime.now(tz=None)",
        "from datetime import datetime as d\nat = d.utcnow()",
        "import datetime\nat = datetime.datetime.now()",
        "import datetime as dt\nat = dt.date.today()",
        "from datetime import datetime\nclock = datetime.now",
        "import os\nos.urandom(16)",
        "from os import urandom",
        "import asyncio\nat = asyncio.get_running_loop().time()",
        "def f(loop):\n    return loop.time()",
        "from sqlalchemy import func\nx = func.now()",
        "import sqlalchemy as sa\nx = sa.func.random()",
        "from sqlalchemy import func as f\nx = f.current_timestamp()",
        "from sqlalchemy.sql.functions import now",
        "x = text('SELECT now()')",
        "x = text('select id from d where due < CURRENT_TIMESTAMP')",
        "x = f'order by RANDOM() limit {n}'",
        "x = 'insert into t values (randomblob(16))'",
        "x = \"select strftime('%s', 'now')\"",
        "x = \"select datetime('now')\"",
        "Field(default_factory=new_id)",
        "Field(default_factory=lambda: clock())",
        "field(default_factory=ids.next)",
        "Column(default=lambda: make())",
        "Column(onupdate=lambda: make())",
    ],
)
def test_the_checker_bites(planted: str) -> None:
    assert hidden_sources(planted), planted


@pytest.mark.parametrize(
    "harmless",
    [
        '"""Nothing here calls now() or random()."""',
        "from datetime import UTC, datetime\nx = datetime.fromtimestamp(at / 1000, UTC)",
        "def step(now):\n    return now()",
        "class E:\n    def f(self):\n        return self.clock.now()",
        "due_at = now + timeout_s * 1000",
        "field(default_factory=list)",
        "field(default_factory=list[str])",
        "field(default_factory=Limits)",
        "raise ValueError('not now (it ended at random)')",
        "Column(default=0)",
        "times = [row.current_time_zone for row in rows]",
    ],
)
def test_and_leaves_the_rest_alone(harmless: str) -> None:
    assert not hidden_sources(harmless), harmless
