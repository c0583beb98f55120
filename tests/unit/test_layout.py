"""The tree keeps its shape: sizes, names, layers, and nothing of one machine in it.

Every rule is a function of text or of names, so that the planted examples at the end can show
that it bites. Where the numbers come from: MODELS, measured in the code that we learn from.
"""

import ast
import re
import statistics
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("alertd", "channels", "rosters", "drills", "config")

PURE_ROOMS = ("alertd.decide", "alertd.report.figures", "drills.score", "rosters.resolve")

MAX_FILE_LINES = 400
MAX_ADAPTER_LINES = 200
MAX_FUNCTION_LINES = 70
MEDIAN_FILE_LINES = 150
MEDIAN_FUNCTION_LINES = 10
P90_FUNCTION_LINES = 35

FORBIDDEN_ROOM = re.compile(
    r"utils?|helpers?|common|constants?|misc|mocks?"
    r"|(\w+_)?(service|repository|repositories|manager)s?|event_?bus|plugin_?scanner"
)

# Split, so that this file doesn't find itself.
HOSTS = tuple(
    a + b
    for a, b in (
        ("pypi.", "org"),
        ("python", "hosted.org"),
        ("registry.npm", "js.org"),
        ("registry.yarn", "pkg.com"),
        ("npm", "mirror.com"),
        ("deb.", "debian.org"),
        ("archive.", "ubuntu.com"),
        ("docker", ".io"),
        ("ghcr", ".io"),
        ("quay", ".io"),
        ("mirrors.", "aliyun.com"),
        ("tuna.", "tsinghua.edu.cn"),
        ("crates", ".io"),
        ("cdn.", "jsdelivr.net"),
        ("unpkg", ".com"),
        ("fonts.", "googleapis.com"),
    )
)
MACHINE_PATH = re.compile(
    r"(?<![\w./~-])/(?:work|root|opt/pypi[\w-]*|opt/wheels|home/[a-z]\w*|Users/\w+)/"
)


def sources() -> list[Path]:
    """The product's own Python files, and those of the set-up."""
    found = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return found + sorted((ROOT / ".ci").glob("*.py"))


@cache
def tracked_files() -> tuple[Path, ...]:
    """What git has or would take, deleted files left out."""
    listed = subprocess.run(
        [
            "git",
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    return tuple(ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(source: str) -> list[tuple[str, int]]:
    """Name and length in lines, decorators left out, of every function in `source`."""
    return [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def file_of(module: str) -> Path:
    """Where `module` of ours is, or would be."""
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def gateways() -> set[str]:
    """Modules of gateways, `channels.<kind>.<name>`, that the registry imports."""
    tree = ast.parse((ROOT / "channels/registry.py").read_text(encoding="utf-8"))
    names = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    return {name for name in names if name.count(".") == 2 and file_of(name).is_file()}


def contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def is_silence(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(statement, ast.Pass)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for statement in body
    )


def swallowed(source: str) -> list[int]:
    """Lines where an error is thrown away unseen.

    A named error may be let go with a comment beside the `pass` that says why; everything that
    could go wrong at once (no type, Exception, BaseException) may not.
    """
    lines = []
    text = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and is_silence(node.body):
            said_why = "#" in text[node.body[0].lineno - 1]
            if is_broad([node.type] if node.type else []) or not said_why:
                lines.append(node.lineno)
        elif isinstance(node, ast.Call) and is_suppress(node) and is_broad(node.args):
            lines.append(node.lineno)
    return lines


def is_suppress(call: ast.Call) -> bool:
    return getattr(call.func, "attr", getattr(call.func, "id", "")) == "suppress"


def is_broad(caught: list[ast.expr]) -> bool:
    names = {ast.unparse(name) for each in caught for name in getattr(each, "elts", [each])}
    return not names or bool(names & {"Exception", "BaseException"})


def doubled(source: str) -> list[int]:
    """Lines of a test that put a double in the place of our own code."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            if any(name in {"mock", "unittest.mock"} for name in names):
                lines.append(node.lineno)
        if (
            isinstance(node, ast.Attribute)
            and node.attr in {"setattr", "delattr", "setitem", "delitem"}
            and ast.unparse(node.value) == "monkeypatch"
        ):
            lines.append(node.lineno)
    return lines


def is_forbidden_room(name: str) -> bool:
    return FORBIDDEN_ROOM.fullmatch(name.lower()) is not None


def of_one_machine(text: str) -> list[str]:
    """Registry hosts and one machine's paths in `text`."""
    found = [host for host in HOSTS if host in text]
    return found + [hit.group() for hit in MACHINE_PATH.finditer(text)]


def test_no_file_is_too_long() -> None:
    found = {str(p.relative_to(ROOT)): line_count(p) for p in sources()}
    assert not {name: n for name, n in found.items() if n > MAX_FILE_LINES}
    assert statistics.median(found.values()) <= MEDIAN_FILE_LINES


def test_no_gateway_adapter_is_too_long() -> None:
    found = {name: line_count(file_of(name)) for name in gateways()}
    assert found
    assert not {name: n for name, n in found.items() if n > MAX_ADAPTER_LINES}


def test_the_contracts_name_every_gateway_of_the_registry() -> None:
    by_type = {contract["type"]: contract for contract in contracts()}
    assert set(by_type["protected"]["protected_modules"]) == gateways()
    assert set(by_type["independence"]["modules"]) == gateways()
    assert by_type["protected"]["allowed_importers"] == ["channels.registry"]


def test_the_contracts_name_every_pure_room() -> None:
    pure = {name for name in PURE_ROOMS if file_of(name).is_file()}
    named = [set(c["source_modules"]) for c in contracts() if c["name"].startswith("Pure rooms")]
    assert len(named) == 2
    assert all(names == pure for names in named)


def test_no_layer_that_is_there_is_optional() -> None:
    layers = next(contract["layers"] for contract in contracts() if "layers" in contract)
    optional = re.findall(r"\(([\w.]+)\)", " ".join(layers))
    assert not [name for name in optional if file_of(name).is_file()]


def test_no_function_is_too_long() -> None:
    found = [
        (lines, f"{path.relative_to(ROOT)}:{name}")
        for path in sources()
        for name, lines in functions(path.read_text(encoding="utf-8"))
    ]
    assert not [(lines, name) for lines, name in found if lines > MAX_FUNCTION_LINES]
    lengths = [lines for lines, _ in found]
    assert statistics.median(lengths) <= MEDIAN_FUNCTION_LINES
    assert statistics.quantiles(lengths, n=10)[-1] <= P90_FUNCTION_LINES


def test_no_room_is_called_nothing_in_particular() -> None:
    python = [path.relative_to(ROOT) for path in tracked_files() if path.suffix == ".py"]
    names = {part.removesuffix(".py") for path in python for part in path.parts}
    assert not {name for name in names if is_forbidden_room(name)}


def test_no_error_is_swallowed() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in tracked_files()
        if path.suffix == ".py"
        for line in swallowed(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_no_test_replaces_our_own_code() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line in doubled(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_no_tracked_file_names_a_registry_or_one_machines_paths() -> None:
    found = {
        str(path.relative_to(ROOT)): hits
        for path in tracked_files()
        if (hits := of_one_machine(path.read_bytes().decode("utf-8", errors="ignore")))
    }
    assert not found


def test_no_generated_or_large_file_is_tracked() -> None:
    generated = {".pyc", ".db", ".sqlite", ".whl", ".log", ".pdf", ".zip", ".gz"}
    sample = ROOT / "docs" / "sample-report" / "report.pdf"  # is there to be looked at
    found = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if (path.suffix in generated and path != sample) or path.stat().st_size > 1_000_000
    ]
    assert not found


def test_every_module_has_its_layer() -> None:
    contract = next(contract for contract in contracts() if "layers" in contract)
    layers = {
        name.strip(" ()") for layer in contract["layers"] for name in re.split(r"[|:]", layer)
    }
    modules = {
        f"alertd.{path.stem}"
        for path in (ROOT / "alertd").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert modules - layers - {"alertd.__init__", "alertd.__main__"} == set()


def locked(name: str) -> set[str]:
    text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    return set(re.findall(r"^([\w.\[\],-]+==[^\s;\\]+)", text, flags=re.MULTILINE))


def test_the_locks_are_whole_and_agree() -> None:
    assert locked("run")
    assert locked("run") <= locked("dev")
    for name in ("run", "dev", "bench"):
        text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
        entries = re.split(r"\n(?=\S)", text.strip())
        assert [e for e in entries if "==" not in e or "--hash=sha256:" not in e] == []


@pytest.mark.parametrize(
    "name",
    ["utils", "helpers", "common", "constants", "mocks", "alert_service", "PersonRepository"],
)
def test_the_rule_on_names_bites(name: str) -> None:
    assert is_forbidden_room(name.replace("PersonR", "person_r"))
    assert not is_forbidden_room("journal")
    assert not is_forbidden_room("communities")


@pytest.mark.parametrize(
    "planted",
    [
        "try:\n    f()\nexcept ValueError:\n    pass",
        "try:\n    f()\nexcept:\n    pass  # whatever it was",
        "try:\n    f()\nexcept Exception:\n    ...  # whatever it was",
        "try:\n    f()\nexcept (OSError, Exception):\n    pass  # whatever it was",
        "try:\n    f()\nexcept OSError:\n    'on purpose'",
        "with suppress(Exception):\n    f()",
        "with contextlib.suppress(OSError, BaseException):\n    f()",
    ],
)
def test_the_rule_on_swallowed_errors_bites(planted: str) -> None:
    assert swallowed(planted)
    assert not swallowed("try:\n    f()\nexcept OSError:\n    log('away')")
    assert not swallowed("try:\n    f()\nexcept OSError:\n    pass  # it was gone already")
    assert not swallowed("with suppress(FileNotFoundError):\n    f()")


@pytest.mark.parametrize(
    "planted",
    [
        "from unittest import mock\nfrom unittest.mock import patch",
        "import unittest.mock",
        "def test_x(monkeypatch):\n    monkeypatch.setattr(engine, 'now', f)",
    ],
)
def test_the_rule_on_doubles_bites(planted: str) -> None:
    assert doubled(planted)
    assert not doubled("def test_x(monkeypatch):\n    monkeypatch.setenv('ALERTD_PORT', '0')")


def test_the_rules_on_sizes_and_machines_bite() -> None:
    assert functions("@x\nasync def long():\n    a = 1\n    return a") == [("long", 3)]
    assert of_one_machine(f"index = https://{HOSTS[0]}/simple")
    assert of_one_machine("open('" + "/wor" + "k/main/x')")
    assert not of_one_machine("see docs/wor" + "k/plan and https://example.org/wor" + "k/x")
