"""Find `alertd.toml`, lay the environment over it, and say in one sentence what is wrong."""

import os
import re
import tomllib
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from alertd.errors import NotConfiguredError
from alertd.i18n import N_
from alertd.i18n.foreign import words_of
from alertd.owners import owner_of, user
from alertd.settings.model import Settings

FILE_NAME: Final = "alertd.toml"
_NOTHING: Final = " \t\r\n\0"  # a file system may have kept the length alone


def load(**overrides: Any) -> Settings:
    """The settings of this node.

    The environment (`ALERTD_PORT`, `ALERTD_ROUTES__NAME__OPTION`) wins over the file, the file over
    the defaults. The file is the one that `ALERTD_CONFIG` names, else `alertd.toml` in the data
    directory, else in the working directory; it may be missing in the last two.

    Args:
        overrides: Settings given by the caller, such as a command line; they win over all.

    Raises:
        NotConfiguredError: A setting or the file is wrong; `field` names it, the hint says what
            to do. The value itself is never repeated: it may be a secret.
    """
    file = find_file(overrides.get("data_dir"))
    content = _read(file) if file else {}
    try:
        return _with_overrides(Settings(**content), overrides)
    except ValidationError as error:
        raise _refused(error, file) from None
    except SettingsError as error:
        variable = _variable_in(error)
        raise NotConfiguredError(
            f"The variable {variable} can't be read.",
            hint="A table in a variable is written as JSON; see config/alertd.toml.",
        ) from None
    except TypeError:
        raise NotConfiguredError(f"The file {file} holds a name that can't be a setting.") from None


def emptied(data_dir: Path) -> NotConfiguredError | None:
    """What is said of a settings file in which nothing is, as a crash or a power cut leaves it.

    Whoever wants what is shipped has no file, or one in which something stands.
    """
    file = find_file(data_dir)
    try:
        if file is None or file.read_text(encoding="utf-8-sig").strip(_NOTHING):
            return None
    except (OSError, UnicodeDecodeError):
        return None  # it was read when the settings were, and is being written now
    return NotConfiguredError(
        f"The settings file {file} is empty.",
        hint="A crash or a power cut may have emptied it. Bring it back and start alertd anew;"
        " where nothing stood in it, remove it.",
    )


def unknown_variables() -> list[str]:
    """Variables of the environment that look like settings of ours and are none: for doctor."""
    known = {f"ALERTD_{name.upper()}" for name in Settings.model_fields} | {"ALERTD_CONFIG"}
    return sorted(
        name
        for name in os.environ
        if name.startswith("ALERTD_") and name.partition("__")[0] not in known
    )


def _with_overrides(settings: Settings, overrides: dict[str, Any]) -> Settings:
    if not overrides:
        return settings
    values = {name: getattr(settings, name) for name in settings.model_fields_set} | overrides
    return _Given(**values)


class _Given(Settings):
    """Settings made of what is handed in alone."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: Any, init_settings: Any, *_sources: Any, **_named: Any
    ) -> tuple[Any, ...]:
        del settings_cls
        return (init_settings,)


def find_file(data_dir: Any = None) -> Path | None:
    """The settings file that is read, or None; `data_dir` where the caller sets it."""
    named = os.environ.get("ALERTD_CONFIG")
    if named:
        file = Path(named).expanduser()
        if not _is_there(file):
            raise NotConfiguredError(
                f"ALERTD_CONFIG names a file that isn't there: {file}.",
                field="ALERTD_CONFIG",
                hint="Correct the path, or unset ALERTD_CONFIG.",
            )
        return file
    default = Settings.model_fields["data_dir"].default
    folder = Path(data_dir or os.environ.get("ALERTD_DATA_DIR") or default).expanduser()
    if _is_there(folder / FILE_NAME):
        return folder / FILE_NAME
    here = Path(
        FILE_NAME
    )  # `sudo -u alertd` may stand in a folder that isn't alertd's to look into
    return here if os.path.lexists(here) else None


def _is_there(file: Path) -> bool:
    """Whether a file is meant to be there: a link to nothing is, and isn't passed over."""
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unreadable(file, error) from None
    return True


def _read(file: Path) -> dict[str, Any]:
    content = ""
    try:
        content = file.read_text(encoding="utf-8-sig")
        if not content.strip(_NOTHING):
            return {}
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(file, content, str(error)) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise NotConfiguredError(
            f"The file {file} isn't UTF-8 text (line {line}).",
            hint="Save it as UTF-8; an editor wrote it in another encoding, such as GB18030.",
        ) from None
    except OSError as error:
        raise _unreadable(file, error) from None


def _not_toml(file: Path, content: str, reason: str) -> NotConfiguredError:
    told = f"The file {file} isn't TOML: {reason}."
    place = re.search(r"at line (\d+), column (\d+)", reason)
    if place:
        number, column = map(int, place.groups())
        line = content.splitlines()[number - 1]
        # From where it couldn't be read; a text that wasn't ended is noticed at the line's end.
        for sign in (*line[column - 1 :], *reversed(line[: column - 1])):
            if sign in "\u3000\xa0":
                return NotConfiguredError(told, hint=f"Line {number} has a wide space in it.")
            if plain := _LOOKALIKES.get(sign):
                hint = N_("Line {number} has the sign {sign}: write {plain}, as in English.")
                shown = hint.format(number=number, sign=sign, plain=plain)
                return NotConfiguredError(told, hint=shown)
    return NotConfiguredError(told, hint="Compare it with config/alertd.toml.")


_LOOKALIKES: Final = (
    dict.fromkeys("“”„＂", '"')
    | dict.fromkeys("‘’＇", "'")
    | {"＝": "=", "：": "=", "，": ",", "＃": "#", "．": ".", "。": ".", "－": "-"}
    | dict.fromkeys("【［", "[")
    | dict.fromkeys("】］", "]")
)


def _unreadable(file: Path, error: OSError) -> NotConfiguredError:
    hint = None
    if isinstance(error, PermissionError):
        owner, who = owner_of(file), user()
        hint = f"It belongs to {owner}, and this is run by {who}, who must be able to read it."
    elif file.is_symlink():
        hint = f"It is a link to {os.path.realpath(file)}: is that disk mounted?"
    return NotConfiguredError(f"The file {file} can't be read: {error.strerror}.", hint=hint)


def _refused(error: ValidationError, file: Path | None) -> NotConfiguredError:
    detail = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in detail["loc"] if part != "[key]")
    reason = _reason(detail)
    # A list is one variable, whichever of its entries is wrong.
    parts = takewhile(lambda part: isinstance(part, str), detail["loc"])
    variable = f"ALERTD_{'__'.join(map(str, parts)).upper()}"
    where = str(file) if file else FILE_NAME
    if not name:  # a rule between settings names them itself
        return NotConfiguredError(reason, hint=f"Change it in {where} or the environment.")
    if detail["type"] == "extra_forbidden" or detail["loc"][-1] == "[key]":
        hint = N_(
            "Remove it from {where}, or correct its name; config/alertd.toml has them all."
        ).format(where=where)
    else:
        hint = N_("Set it in {where}, or by the variable {variable}.").format(
            where=where, variable=variable
        )
    return NotConfiguredError(f"The setting {name} {reason}.", field=name, hint=hint)


_REASONS: Final = {
    "missing": N_("is missing"),
    "extra_forbidden": N_("is unknown"),
    "string_type": N_("must be text"),
    "bool_parsing": N_("must be true or false"),
    "bool_type": N_("must be true or false"),
    "int_parsing": N_("must be a whole number"),
    "int_type": N_("must be a whole number"),
    "int_from_float": N_("must be a whole number"),
    "float_parsing": N_("must be a number"),
    "float_type": N_("must be a number"),
    "finite_number": N_("must be a finite number"),
    "greater_than_equal": N_("must be at least {ge}"),
    "greater_than": N_("must be more than {gt}"),
    "less_than_equal": N_("must be at most {le}"),
    "literal_error": N_("must be one of {expected}"),
    "string_too_short": N_("must not be empty"),
    "string_too_long": N_("must be at most {max_length} characters long"),
    "string_pattern_mismatch": N_("isn't written as it must be; config/alertd.toml shows how"),
    "too_short": N_("must not be empty"),
    "tuple_type": N_("must be a list"),
    "dict_type": N_("must be a table"),
    "model_type": N_("must be a table"),
    "path_type": N_("must be a path"),
    "decimal_parsing": N_("must be a number"),
    "list_type": N_("must be a list"),
    "set_type": N_("must be a list"),
    "frozen_set_type": N_("must be a list"),
    "too_long": N_("must hold at most {max_length}"),
    "less_than": N_("must be less than {lt}"),
}
_WRONG: Final = N_("isn't written as it must be; config/alertd.toml shows how")


def _reason(detail: ErrorDetails) -> str:
    template, context = _REASONS.get(detail["type"]), dict(detail.get("ctx", {}))
    if template:
        if "expected" in context:
            context["expected"] = words_of(str(context["expected"]))
        return template.format(**context)
    said = detail["msg"]
    return said.removeprefix("Value error, ") if detail["type"] == "value_error" else _WRONG


def _variable_in(error: SettingsError) -> str:
    """Which one it is about; all of ours where pydantic's sentence doesn't say."""
    named = re.search(r'field "(\w+)"', str(error))
    return f"ALERTD_{named[1].upper()}" if named else "ALERTD_…"
