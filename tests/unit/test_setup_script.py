"""`scripts/setup.sh`: an environment is taken for ready only when these very locks made it."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PYTHON = f"""#!/bin/sh
if [ "$1" = -m ] && [ "$3" = install ]; then
    echo "$*" >>installs
    [ ! -e broken ]
    exit
fi
if [ "$1" = -m ]; then exit 0; fi
exec {sys.executable} "$@"
"""


def test_an_update_that_was_broken_off_is_not_taken_for_the_version_before(tmp_path: Path) -> None:
    """Back at that version, half of the newer one's packages would be run with."""
    for name in ("scripts/lib.sh", "scripts/setup.sh", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    lock = tmp_path / "requirements" / "run.lock"
    lock.parent.mkdir()
    (tmp_path / "requirements" / "dev.lock").touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(_PYTHON)
    python.chmod(0o755)

    def set_up(version: str) -> tuple[int, bool]:
        """Its exit code, and whether it installed anything."""
        lock.write_text(version)
        (tmp_path / "installs").unlink(missing_ok=True)
        done = subprocess.run(
            ["/bin/sh", "scripts/setup.sh", "run"],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable},
            capture_output=True,
            check=False,
        )
        return done.returncode, (tmp_path / "installs").exists()

    assert set_up("before") == (0, True)
    assert set_up("before") == (0, False)
    (tmp_path / "broken").touch()
    assert set_up("after") == (1, True)
    (tmp_path / "broken").unlink()
    assert set_up("before") == (0, True)
