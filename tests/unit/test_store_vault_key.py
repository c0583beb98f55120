"""The key that addresses are sealed with."""

import stat
import subprocess
import sys
from pathlib import Path

from alertd.store.vault import load_key


def test_a_key_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """As on a full disk: an empty file would be taken for the key, and every start refused."""
    file = tmp_path / "keys" / "addresses.key"
    code = f"""
import resource, signal
from pathlib import Path
from alertd.store.vault import load_key
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
try:
    load_key(Path({str(file)!r}), bytes(32))
except OSError:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(list(Path({str(file.parent)!r}).iterdir()))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
    made = load_key(file, bytes(range(32)))
    assert load_key(file, bytes(32)) == made == bytes(range(32)), "the first one stays"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
