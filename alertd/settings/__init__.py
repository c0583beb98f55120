"""Settings: `config/alertd.toml` explains every one; `load` reads them."""

from alertd.settings.load import FILE_NAME, emptied, find_file, load, unknown_variables
from alertd.settings.model import TOKEN_FILE, Settings, sqlite_url
from alertd.settings.route import RouteSettings
from alertd.settings.spelled import spelled

__all__ = [
    "FILE_NAME",
    "TOKEN_FILE",
    "RouteSettings",
    "Settings",
    "emptied",
    "find_file",
    "load",
    "spelled",
    "sqlite_url",
    "unknown_variables",
]
