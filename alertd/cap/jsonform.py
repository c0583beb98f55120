"""CAP as JSON: the same names, lists where CAP repeats, `references` as CAP's one string."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from alertd.cap.fields import MAX_BYTES
from alertd.cap.model import Alert
from alertd.cap.problems import refuse_validation
from alertd.errors import InvalidInputError, TooLargeError


def from_json(source: bytes | str | dict[str, Any]) -> Alert:
    """Read an alert from JSON text or from an object that is already decoded.

    Raises:
        TooLargeError: The text is over 256 KiB.
        InvalidInputError: It isn't JSON, or not a CAP 1.2 alert; `field` says where.
    """
    value = source if isinstance(source, dict) else _decode(source)
    try:
        return Alert.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as error:
        raise refuse_validation(error) from None


def to_json(alert: Alert) -> dict[str, Any]:
    """An alert as a JSON-able object; what is absent is left out."""
    dumped = alert.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dict(_present(dumped))


def _decode(source: bytes | str) -> Any:
    try:
        data = source.encode() if isinstance(source, str) else source
    except UnicodeEncodeError:
        raise InvalidInputError("The alert holds half a surrogate pair.", field="alert") from None
    if len(data) > MAX_BYTES:
        raise TooLargeError(f"The alert is over {MAX_BYTES // 1024} KiB.", field="alert")
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise InvalidInputError("The alert isn't UTF-8 text.", field="alert") from None
    except RecursionError:
        raise InvalidInputError("The alert is nested too deeply.", field="alert") from None
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            f"The alert isn't JSON: line {error.lineno}, column {error.colno}.", field="alert"
        ) from None
    except ValueError:  # an integer of thousands of digits
        raise InvalidInputError("The alert holds a number out of bounds.", field="alert") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two values under one name mean that two readers may see two different alerts."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise InvalidInputError("The alert gives a name twice in one object.", field="alert")
    return value


def _no_constant(_name: str) -> Any:
    raise InvalidInputError("The alert holds NaN or Infinity.", field="alert")


def _present(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Leave out empty lists and an empty `references`, which say the same as nothing."""
    for name, item in value.items():
        if item == [] or (name, item) == ("references", ""):
            continue
        if isinstance(item, list):
            yield name, [dict(_present(one)) if isinstance(one, dict) else one for one in item]
        else:
            yield name, item
