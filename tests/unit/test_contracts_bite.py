"""The import contracts of pyproject.toml, tried on a planted tree: empty they hold, and each
forbidden import breaks the contract that is there to forbid it.
"""

import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

LAYERS = "Layers: each imports only what is below it"
PURE = "Pure rooms reach no I/O library, not even through others of ours"
WAIT = "Pure rooms wait for nothing"
CLOCK = "Time and chance are handed in"
REGISTRY = "A gateway is imported by the registry only"
APART = "Gateways don't know each other"


@cache
def settings() -> dict[str, Any]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    linter: dict[str, Any] = tomllib.loads(text)["tool"]["importlinter"]
    return linter


def named_modules() -> set[str]:
    """Every module of ours that a contract names, and those that the plants import."""
    found = {"channels.base", "alertd.decide.escalate", "alertd.engine.tick", "rosters.parse"}
    for contract in settings()["contracts"]:
        for key in ("layers", "source_modules", "forbidden_modules", "protected_modules"):
            for entry in contract.get(key, []):
                found |= {name.strip(" ()") for name in entry.split("|")}
        found |= set(contract.get("allowed_importers", [])) | set(contract.get("modules", []))
    ours = tuple(f"{root}." for root in settings()["root_packages"])
    return {name for name in found if name.startswith(ours) and "*" not in name}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The product's modules, all empty, under the product's own contracts."""
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for root in settings()["root_packages"]:
        (tmp_path / str(root)).mkdir()
        (tmp_path / str(root) / "__init__.py").touch()
    for name in sorted(named_modules()):
        folder = tmp_path / name.replace(".", "/")
        folder.mkdir(parents=True, exist_ok=True)
        for part in (folder, *folder.parents):
            if part == tmp_path:
                break
            (part / "__init__.py").touch()
    return tmp_path


def broken(tree: Path) -> set[str]:
    """Names of the contracts that `tree` breaks."""
    ran = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree,
        env={"PATH": "", "PYTHONPATH": str(tree), "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
    )
    verdicts = dict(re.findall(r"^(.+) (KEPT|BROKEN)$", ran.stdout, flags=re.MULTILINE))
    assert {LAYERS, PURE, WAIT, CLOCK, REGISTRY, APART} == set(verdicts), ran.stdout + ran.stderr
    return {name for name, verdict in verdicts.items() if verdict == "BROKEN"}


def plant(tree: Path, module: str, line: str) -> None:
    (tree / module.replace(".", "/") / "planted.py").write_text(line + "\n", encoding="utf-8")


def test_an_empty_tree_breaks_nothing(tree: Path) -> None:
    assert broken(tree) == set()


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("alertd.store", "import alertd.engine", LAYERS),
        ("channels", "import rosters", LAYERS),
        ("channels", "import alertd.model", LAYERS),
        ("alertd.report", "import alertd.engine", LAYERS),
        ("alertd.decide", "import sqlalchemy.orm", PURE),
        ("alertd.decide", "def f():\n    import socket", PURE),
        ("alertd.decide", "import asyncio", WAIT),
        ("alertd.engine", "from time import monotonic", CLOCK),
        ("alertd.store", "import uuid", CLOCK),
        ("alertd.bootstrap", "import channels.sms.handsets", REGISTRY),
        ("alertd.engine", "from channels.sms import handsets", REGISTRY),
    ],
)
def test_each_contract_bites(tree: Path, module: str, line: str, contract: str) -> None:
    plant(tree, module, line)
    assert contract in broken(tree)


def test_gateways_are_held_apart(tree: Path) -> None:
    first, second = next(c["modules"] for c in settings()["contracts"] if c["name"] == APART)[:2]
    (tree / second.replace(".", "/") / "__init__.py").write_text(f"import {first}\n")
    assert broken(tree) == {APART, REGISTRY}


def test_purity_is_held_through_others_of_ours(tree: Path) -> None:
    plant(tree, "alertd.decide", "import rosters.parse")
    (tree / "rosters/parse/__init__.py").write_text("import sqlite3\n", encoding="utf-8")
    assert PURE in broken(tree)
