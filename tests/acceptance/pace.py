"""The shipped escalation policies at another pace: so many real seconds to a policy's minute."""

import json
import tomllib
from pathlib import Path
from typing import Any

from tests.acceptance.peers import ROOT

_SHIPPED = ROOT / "config" / "policies"
_GRACE = {"terminal_grace_s": 30.0}  # the policies' own default, which no file repeats


def write_policies(folder: Path, *, minute_s: float, **changes: Any) -> None:
    """Write every shipped policy into `folder`, with all its times at that pace.

    Args:
        folder: `policies` of a configuration folder.
        minute_s: How long a policy's minute lasts.
        changes: Values that all of them get instead of their own, as they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(_SHIPPED.glob("*.toml")):
        policy = {**_GRACE, **tomllib.loads(file.read_text("utf-8"))}
        paced = {**_paced(policy, minute_s / 60), **changes}
        (folder / file.name).write_text(_toml(paced), encoding="utf-8")


def _paced(value: Any, ratio: float, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _paced(item, ratio, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_paced(item, ratio, name) for item in value]
    timed = name.endswith(("_s", "_min")) and isinstance(value, int | float)
    return value * ratio if timed else value


def _toml(policy: dict[str, Any]) -> str:
    """TOML as far as a policy needs it: JSON's numbers, texts and lists are TOML's own."""
    tables = {
        k: v for k, v in policy.items() if isinstance(v, list) and v and v[0].__class__ is dict
    }
    lines = [f"{name} = {json.dumps(v)}" for name, v in policy.items() if name not in tables]
    for name, entries in tables.items():
        for entry in entries:
            lines += [f"[[{name}]]", *(f"{key} = {json.dumps(v)}" for key, v in entry.items())]
    return "\n".join(lines) + "\n"
