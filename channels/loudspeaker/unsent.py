"""How a hand-over to a broker can fail."""


class NotHandedOverError(Exception):
    """Nobody has the message, and nobody will; `code` says why.

    `away` where there is no connection, and so no message would have fared better.
    """

    def __init__(self, code: str, *, away: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.away = away


class NobodyListensError(NotHandedOverError):
    """The broker (of MQTT 5) says that no session wants it, not even one that is away."""

    def __init__(self) -> None:
        super().__init__("nobody-listens")


class NotAllowedError(NotHandedOverError):
    """The broker (of MQTT 5) refused it, and would again."""


class LostWordError(Exception):
    """The connection ended before the broker confirmed; the message may be there."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
