"""Why a loudspeaker isn't connected, and why a text can't be said: codes as English clauses.

`alertd.i18n.sentence` translates them where they stand in a sentence's place.
"""

from collections.abc import Mapping
from typing import Final

from alertd.i18n import N_

_LINK: Final[Mapping[str, str]] = {
    "not-started": N_("it hasn't begun yet"),
    "not-connected": N_("it isn't connected"),
    "connection-lost": N_("the connection was lost"),
    "closed": N_("it was ended"),
    "subscription-refused": N_("the broker refused what it wants to hear"),
    "connect-ConnectionRefusedError": N_("nothing listens at that address"),
    "connect-AnothersPortError": N_("another program listens at that address"),
    "connect-TimeoutError": N_("no answer from that address"),
    "connect-gaierror": N_("there is no host of that name"),
    "connect-SSLCertVerificationError": N_("the broker's certificate isn't trusted"),
    "refused-not-authorized": N_("the broker doesn't know this login"),
    "refused-bad-user-name-or-password": N_("the broker doesn't know this login"),
    "no-player": N_("the program that plays sounds isn't installed"),
}
_SPEECH: Final[Mapping[str, str]] = {
    "text-too-long": N_("the text is too long"),
    "nothing-to-say": N_("there is nothing in it to be said"),
    "no-voice": N_("the program that speaks isn't installed, or failed"),
    "voice-hangs": N_("the program that speaks doesn't end"),
    "bad-clip": N_("a recorded phrase isn't a WAV that can be played"),
    "not-wav": N_("what it made isn't a WAV"),
    "wav-form": N_("what it made is a WAV of another form"),
}
_CONNECT: Final = N_("the broker can't be reached ({name})")
_REFUSED: Final = N_("the broker refuses ({name})")


def why_away(code: str) -> str:
    """Why a link to the broker isn't up; a code from the machine or the broker stands in it."""
    kind, _dash, rest = code.partition("-")
    if code in _LINK or kind not in {"connect", "refused"}:
        return _LINK.get(code, code)
    return (_CONNECT if kind == "connect" else _REFUSED).format(name=rest)


def why_silent(code: str) -> str:
    """Why a text can't be said."""
    return _SPEECH.get(code, code)
