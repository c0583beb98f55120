"""From validation errors to sentences that name the field as CAP writes it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from alertd.errors import InvalidInputError, ProblemsError
from alertd.i18n import N_
from alertd.i18n.foreign import words_of

MAX_PROBLEMS: Final = 20  # more than an operator reads; the rest shows at the next try

_REASONS: Mapping[str, str] = {
    "missing": N_("is missing"),
    "extra_forbidden": N_("is not an element of CAP 1.2 here"),
    "string_type": N_("must be text"),
    "string_unicode": N_("must not hold half a surrogate pair"),
    "string_too_long": N_("must be at most {max_length} characters long"),
    "too_short": N_("must be given at least once"),
    "too_long": N_("must be given at most {max_length} times"),
    "tuple_type": N_("must be a list"),
    "model_type": N_("must be an object"),
    "enum": N_("must be one of {expected}"),
    "literal_error": N_("must be one of {expected}"),
    "string_pattern_mismatch": N_("isn't written as it must be"),
    "string_too_short": N_("must not be empty"),
    "bool_type": N_("must be true or false"),
    "dict_type": N_("must be an object"),
    "int_type": N_("must be a whole number"),
    "float_type": N_("must be a number"),
    "finite_number": N_("must be a finite number"),
    "greater_than_equal": N_("must be at least {ge}"),
    "less_than_equal": N_("must be at most {le}"),
}


def path_of(location: Iterable[str | int]) -> str:
    """`("info", 0, "severity")` as `info[0].severity`; the whole alert is `alert`."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path or "alert"


def reason_of(error: ErrorDetails) -> str:
    """Why pydantic refused a value: a clause that goes on after its path, and quotes no value."""
    context: dict[str, Any] = error.get("ctx", {})
    if error["type"] == "cap":
        return str(context["reason"])
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    if "expected" in context:
        context = {**context, "expected": words_of(str(context["expected"]))}
    template = _REASONS.get(error["type"])
    return template.format(**context) if template else N_("is invalid")


def _problem(error: ErrorDetails) -> tuple[str, str]:
    location = list(error["loc"])
    if field := error.get("ctx", {}).get("field"):
        location.append(field)
    return path_of(location), reason_of(error)


def refuse(problems: list[tuple[str, str]]) -> InvalidInputError:
    """The error for (field path, reason) pairs; the first is the one that `field` names."""
    shown = [f"{path} {reason}" for path, reason in problems[:MAX_PROBLEMS]]
    if len(shown) == 1:
        return InvalidInputError(f"{shown[0]}.", field=problems[0][0])
    error = ProblemsError(f"The alert was refused for {len(problems)} reasons.", shown)
    error.field = problems[0][0]
    return error


def refuse_validation(error: ValidationError) -> InvalidInputError:
    """The error for what pydantic found; the input itself is never quoted."""
    details = error.errors(include_url=False, include_input=False)
    return refuse([_problem(detail) for detail in details])
