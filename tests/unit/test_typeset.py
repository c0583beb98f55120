"""Paper by typst: fonts with rare characters, data never read as markup, a child that may fail."""

import io
from pathlib import Path

import pytest
from pypdf import PdfReader

from alertd.report.typeset import TEMPLATES, TypesettingError, typeset, typeset_apart

RARE = "䶮㛃𬍛𫖯"
HOSTILE = '#panic("x") *b* $x$ = @a <b> \\ // `c`'
SOURCE = """
#import "paper.typ": document-of, tick-box
#let d = json(bytes(sys.inputs.data))
#show: document-of.with(d)
#tick-box() #d.name
"""


def _template(folder: Path) -> Path:
    (folder / "paper.typ").write_text((TEMPLATES / "paper.typ").read_text("utf-8"), "utf-8")
    template = folder / "sheet.typ"
    template.write_text(SOURCE, "utf-8")
    return template


def _data(name: str) -> dict[str, str]:
    return {"language": "zh-CN", "running": "甲", "page": "第 {n} 页，共 {of} 页", "name": name}


def _text(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_rare_characters_have_a_glyph_and_data_are_never_markup(tmp_path: Path) -> None:
    (pdf,) = typeset(_template(tmp_path), _data(f"{RARE} {HOSTILE}"))
    text = _text(pdf)
    # pypdf leaves out what has no glyph
    assert RARE in text
    assert HOSTILE in text
    assert "第 1 页，共 1 页" in text


def test_a_child_draws_the_same_bytes(tmp_path: Path) -> None:
    template = _template(tmp_path)
    (here,) = typeset(template, _data(RARE), at=1_700_000_000_000)
    assert typeset_apart(template, _data(RARE), at=1_700_000_000_000) == here


def test_what_cannot_be_drawn_is_one_sentence(tmp_path: Path) -> None:
    template = _template(tmp_path)
    with pytest.raises(TypesettingError, match="could not be drawn"):
        typeset(template, {"language": "en"})
    with pytest.raises(TypesettingError, match="could not be drawn"):
        typeset_apart(template, {"language": "en"})
    with pytest.raises(TypesettingError):
        typeset_apart(template, _data("x"), patience_s=0.001)


def test_a_template_reads_nothing_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    folder = tmp_path / "inside"
    folder.mkdir()
    template = folder / "t.typ"
    template.write_text('#read("../secret")')
    with pytest.raises(TypesettingError):
        typeset(template, {})
