"""Documents on paper: a typst template of ours, filled with data, becomes a PDF or pictures.

The data go in as JSON (`sys.inputs.data`) and are never read as markup: a name may hold `#` or `*`.
Fonts are those that pip brings, so that paper looks the same on every machine. A template reads no
file outside its own folder, and nothing from a network.

A server calls `typeset_apart`: drawing happens in a child process, whose memory goes with it and
which ends when it takes too long. typst keeps what it drew last, so a long-lived process that calls
`typeset` grows by ten documents (measured: 500 MB after ten tables of 800 rows).

Symbols that the font lacks (☐ ☑ ☒ ⛔) come out as an empty box: draw them as shapes instead.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Final, Literal

import typst

from alertd.errors import AlertdError
from alertd.i18n import N_

Format = Literal["pdf", "png"]

TEMPLATES: Final = Path(str(resources.files("alertd.report") / "templates"))
FONT: Final = "Noto Sans CJK SC"
PATIENCE_S: Final = 120.0  # a city's report takes seconds
_SCREEN_PPI: Final = 110.0
_AT_ONCE = BoundedSemaphore(2)  # documents drawn at the same time, whoever asks


class TypesettingError(AlertdError):
    """A document couldn't be drawn; what it would have shown is in the other formats."""

    code = "typesetting"
    http_status = 500


@cache
def _fonts() -> typst.Fonts:
    folder = resources.files("manimgx_fonts_cjk")
    return typst.Fonts(include_system_fonts=False, font_paths=[str(folder)])


def typeset(
    template: Path,
    data: Mapping[str, Any],
    *,
    at: int = 0,
    form: Format = "pdf",
    ppi: float = _SCREEN_PPI,
    tagged: bool = True,
) -> list[bytes]:
    """Fill a template; one PDF, or one PNG a page.

    Args:
        template: A .typ file; what it imports is in its own folder.
        data: JSON values, in the template `json(bytes(sys.inputs.data))`.
        at: The document's time, milliseconds since the epoch: the same data give the same bytes.
        form: What to draw.
        ppi: Of a picture, pixels an inch.
        tagged: Whether a PDF tells a screen reader what is a heading and a table. Without, a
            long table takes a fifteenth of the bytes.

    Raises:
        TypesettingError: The template and the data don't fit each other.
    """
    try:
        drawn = typst.compile(
            str(template),
            root=str(template.parent),
            font_paths=_fonts(),
            ignore_system_fonts=True,
            format=form,
            ppi=ppi,
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            timestamp=at // 1000,
            pdf_tags=tagged,
        )
    except (typst.TypstError, OSError, ValueError) as error:
        raise _failed() from error
    # One page comes back alone, several as a list.
    pages: Sequence[bytes] = [drawn] if isinstance(drawn, bytes) else drawn
    return list(pages)


def typeset_apart(
    template: Path,
    data: Mapping[str, Any],
    *,
    at: int = 0,
    tagged: bool = True,
    patience_s: float = PATIENCE_S,
) -> bytes:
    """A PDF, as `typeset` draws it, from a child process; blocks, so not for an event loop.

    Raises:
        TypesettingError: It can't be drawn, or not within `patience_s` seconds.
    """
    asked = {"template": str(template), "data": data, "at": at, "tagged": tagged}
    with _AT_ONCE:
        try:
            child = subprocess.run(  # noqa: S603 - ourselves
                [sys.executable, "-m", __name__],
                input=json.dumps(asked).encode(),
                capture_output=True,
                timeout=patience_s,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise _failed() from error
    return child.stdout


def _failed() -> TypesettingError:
    return TypesettingError(
        N_("The document could not be drawn."),
        hint=N_("Take it in another format, and tell whoever looks after alertd."),
    )


def _child() -> None:
    asked = json.load(sys.stdin)
    (drawn,) = typeset(
        Path(asked["template"]), asked["data"], at=asked["at"], tagged=asked["tagged"]
    )
    sys.stdout.buffer.write(drawn)


if __name__ == "__main__":
    _child()
