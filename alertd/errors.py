"""Errors that a user may see: one clear sentence, a stable code, and what to do about it."""

from typing import ClassVar


class AlertdError(Exception):
    """Base of every error meant for a user.

    Args:
        message: One English sentence; the translation catalogs know it by `code` and by text.
        field: The input field at fault, as a path such as `info[0].severity`, or None.
        hint: What to do about it, one sentence, or None.
    """

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint


class InvalidInputError(AlertdError):
    """The input was refused and nothing was stored."""

    code = "invalid-input"
    http_status = 422
    exit_code = 2


class ProblemsError(InvalidInputError):
    """Several things are wrong with one input; all are told at once.

    Args:
        message: One sentence that sums up.
        problems: One line each, with file and line number where there is one.
    """

    code = "problems"

    def __init__(self, message: str, problems: list[str]) -> None:
        super().__init__(message)
        self.problems = problems


class UnauthenticatedError(AlertdError):
    """Nobody known is asking."""

    code = "unauthenticated"
    http_status = 401


class ForbiddenError(AlertdError):
    """The principal may not do this, or not in this subtree."""

    code = "forbidden"
    http_status = 403


class NotFoundError(AlertdError):
    """There is no such thing."""

    code = "not-found"
    http_status = 404


class GoneError(AlertdError):
    """It was there, and its time is over."""

    code = "gone"
    http_status = 410


class ConflictError(AlertdError):
    """The state of things doesn't allow this now."""

    code = "conflict"
    http_status = 409


class TooLargeError(AlertdError):
    """The input is over its bound."""

    code = "too-large"
    http_status = 413


class UnavailableError(AlertdError):
    """Something alertd needs isn't there now; trying again later may help."""

    code = "unavailable"
    http_status = 503


class NoRoomError(UnavailableError):
    """The disk is nearly full: what was accepted goes on, and new work is refused."""

    code = "no-room"
    retry_after_s: ClassVar[int] = 30


class UnsureError(UnavailableError):
    """Something was asked for, and nobody can tell whether it was done.

    A repetition with the same Idempotency-Key does it once.
    """

    code = "unsure"

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="Look whether it was done before you ask again.")


class PooledError(ConflictError):
    """Between us and PostgreSQL is something that gives one of its sessions to many."""

    def __init__(self) -> None:
        super().__init__(
            "A connection pooler stands between alertd and PostgreSQL: the locks by which only one"
            " process decides belong to a session, and would be lost or shared there.",
            hint="Name PostgreSQL's own address and port in database_url.",
        )


class MovedError(UnavailableError):
    """What is written here, nobody would find again."""

    def __init__(self) -> None:
        super().__init__(
            "The data folder was moved, removed or replaced while alertd runs.",
            hint="Put it back, or stop alertd before anything else is started there.",
        )


class HeldError(UnavailableError):
    """Somebody else writes to SQLite's file, and doesn't end."""

    def __init__(self) -> None:
        super().__init__(
            "Another program holds the database's write lock.",
            hint="Look who has alertd.sqlite3 open (fuser -v): a sqlite3 prompt after BEGIN,"
            " perhaps. Have it COMMIT, ROLLBACK or end; all goes on by itself.",
        )


class ReplacedError(UnavailableError):
    """A server of PostgreSQL is there again although its standby has taken over."""

    def __init__(self) -> None:
        super().__init__(
            "This PostgreSQL was replaced by its standby, and has come back beside it.",
            hint="Stop it, and make it a standby of the other before it is started again.",
        )


class OutdatedError(UnavailableError):
    """Another version of alertd has been at work in PostgreSQL while we were away."""

    def __init__(self) -> None:
        super().__init__(
            "The database is of another version of alertd now: this process does nothing more.",
            hint="End it, and start the version here that the others are of.",
        )


class NotConfiguredError(AlertdError):
    """A setting is missing or wrong."""

    code = "not-configured"
    http_status = 503
    exit_code = 3
