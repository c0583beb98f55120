"""Files that are there whole or not at all."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from alertd.whole import in_place_of, write_whole

# As on a disk with room for so many bytes more.
ALMOST_FULL = """
import resource, sys
from pathlib import Path
from alertd.whole import in_place_of, write_whole
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
path = Path(sys.argv[1])
try:
    {write}
except OSError as error:
    print(error.filename, type(error).__name__)
"""


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def on_a_full_disk(write: str, path: Path) -> None:
    code = ALMOST_FULL.format(write=write)
    subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True)


@pytest.mark.parametrize(
    "write",
    [
        "write_whole(path, bytes(200))",
        "\n    with in_place_of(path) as draft:\n        draft.write_bytes(bytes(200))",
    ],
)
def test_on_a_full_disk_what_was_there_stays(write: str, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_text("the report that was signed")
    on_a_full_disk(write, path)
    assert path.read_text() == "the report that was signed"
    on_a_full_disk(write, tmp_path / "new.pdf")
    assert names(tmp_path) == ["report.pdf"], "half a file holds what little room there is"


def write(path: Path, text: str, mode: int = 0o666) -> None:
    with in_place_of(path, mode=mode) as draft:
        draft.write_text(text)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_keeps_its_rights_and_a_link_stays_one(tmp_path: Path) -> None:
    kept, link = tmp_path / "kept" / "a", tmp_path / "a"
    kept.parent.mkdir()
    kept.write_text("before")
    kept.chmod(0o640)
    link.symlink_to(kept)
    write(link, "after", 0o600)
    assert link.is_symlink()
    assert (kept.read_text(), mode_of(kept)) == ("after", 0o640)
    assert names(kept.parent) == ["a"]


def test_a_new_file_has_the_rights_that_are_asked_for(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "a", "all")
        write(tmp_path / "b", "mine", 0o600)
        write(tmp_path / ("预警" * 40 + ".pdf"), "a name as long as may be")
    finally:
        os.umask(before)
    assert (mode_of(tmp_path / "a"), mode_of(tmp_path / "b")) == (0o640, 0o600)


def test_several_files_take_their_places_together_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("before")

    def two() -> None:
        with in_place_of(tmp_path / "a") as a, in_place_of(tmp_path / "b") as b:
            a.write_text("after")
            (b / "no folder").write_text("fails")

    with pytest.raises(NotADirectoryError):
        two()
    assert (tmp_path / "a").read_text() == "before"
    assert names(tmp_path) == ["a"]


def test_what_is_no_file_is_written_to_as_it_is(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\nfrom alertd.whole import in_place_of\n"
        "with in_place_of(Path('/dev/stdout')) as path: path.write_text('all of it')\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "all of it"
    with (tmp_path / "caught").open("w") as caught:
        subprocess.run([sys.executable, "-c", code], stdout=caught, check=True)
    assert (tmp_path / "caught").read_text() == "all of it"


def test_a_refusal_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    for path, kind in (
        (tmp_path / "nowhere" / "a", FileNotFoundError),
        (tmp_path, IsADirectoryError),
    ):
        with pytest.raises(kind) as refused:
            write(path, "text")
        assert str(refused.value.filename) == str(path)


def test_whole_files_are_private_where_they_must_be(tmp_path: Path) -> None:
    write_whole(tmp_path / "token", b"secret", mode=0o600)
    assert mode_of(tmp_path / "token") == 0o600
