"""What fields of requests may hold: every text and every number has its bounds."""

from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

INT64: Final = 2**63 - 1
LATEST_AT: Final = 4_102_444_800_000  # 2100-01-01: a later time is a unit error, not a time


def _printable(text: str) -> str:
    """Refuse control characters; line breaks and tabs are people's own."""
    if any(char < " " and char not in "\n\r\t" for char in text) or "\x7f" in text:
        raise PydanticCustomError("control_character", "must not hold control characters")
    return text


Text = Annotated[str, AfterValidator(_printable)]
Note = Annotated[Text, Field(max_length=500)]
Reason = Annotated[Text, Field(min_length=1, max_length=500)]
Code = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,40}$")]
PersonId = Annotated[Text, Field(min_length=1, max_length=64)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Moment = Annotated[int, Field(ge=0, le=LATEST_AT)]

AlertRef = Annotated[
    str,
    Path(pattern=r"^[0-9A-Za-z]{1,32}$", description="An alert's id (32 hex digits) or short code"),
]
RouteName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Number = Annotated[int, Path(ge=1, le=INT64)]
After = Annotated[int | None, Query(ge=0, le=INT64, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[
    str | None,
    Query(max_length=2_000, description="~eras~node:writer:seq,… as `cursor` of the answer before"),
]
