"""What an operator fills into a template, checked before anything is issued."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from alertd.cap.problems import refuse
from alertd.i18n import N_
from alertd.messages.context import clean, in_language
from alertd.messages.template import Param, Template

_TRAILING = "。.;; "  # the template ends its own sentences


def check_params(
    template: Template, given: Mapping[str, Any], language: str = "zh-CN"
) -> dict[str, str | int]:
    """The operator's values for `template`, trimmed; of a value by language, that of `language`.

    Raises:
        InvalidInputError: One is unknown, missing, too long, or holds what a message can't;
            `field` is `params.NAME`.
    """
    problems = [
        (f"params.{name}", N_("is not a value of the template {name}").format(name=template.name))
        for name in given.keys() - template.params.keys()
    ]
    values: dict[str, str | int] = {}
    for name, param in template.params.items():
        value, problem = _checked(param, in_language(given.get(name), language))
        if problem:
            problems.append((f"params.{name}", problem))
        elif value not in (None, ""):
            values[name] = value
    if problems:
        raise refuse(sorted(problems))
    return values


def operator_values(
    template: Template, params: Mapping[str, Any], language: str
) -> dict[str, str | int]:
    """The template's own values out of all that a message carries, "" where there is none.

    Raises:
        InvalidInputError: A value that `check_params` would refuse.
    """
    own = {name: params[name] for name in template.params if name in params}
    checked = check_params(template, own, language)
    return {name: checked.get(name, "") for name in template.params}


def _checked(param: Param, value: Any) -> tuple[Any, str]:
    """The value and "", or anything and the reason why not."""
    if value in (None, ""):
        return None, N_("is missing") if param.required else ""
    if param.type == "int":
        return _number(param, value)
    if not isinstance(value, str):
        return None, N_("must be text")
    text = value.strip().rstrip(_TRAILING)
    return clean(text), _problem_of(text, param)


def _problem_of(text: str, param: Param) -> str:
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
        return N_("must be one line without control characters")
    if "【" in text or "】" in text:
        return N_("must not hold 【】, which mark the signature")
    if len(text) > param.max:
        return N_("must be at most {max_length} characters long").format(max_length=param.max)
    return N_("is missing") if param.required and not clean(text) else ""


def _number(param: Param, value: Any) -> tuple[Any, str]:
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:  # noqa: PLR2004 - from a form
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None, N_("must be a whole number")
    return value, "" if 0 <= value <= param.max else N_("must be from 0 to {max}").format(
        max=param.max
    )
