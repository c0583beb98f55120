"""What failed, as far as the code is alertd's own; a gateway's or a terminal's are as they are."""

from collections.abc import Mapping
from typing import Final

from alertd.i18n import N_

WITHHELD: Final[Mapping[str, str]] = {
    "outside-plan": N_("outside the drill's plan"),
    "no-route": N_("no route may carry it"),
    "muted-by-plan": N_("muted by the drill's plan"),
    "lost-by-script": N_("the route failed by the drill's script"),
    "alert-ended": N_("the alert ended first"),
}
"""Why alertd held a message back."""

FAULTS: Final[Mapping[str, str]] = {
    "no-connection": N_("the gateway can't be reached"),
    "no-descriptors": N_("alertd may open no more files and sockets (LimitNOFILE, ulimit -n)"),
    "connection-lost": N_("the connection was lost"),
    "timeout": N_("no answer in time"),
    "tls-failed": N_("no encrypted connection could be made"),
    "malformed-answer": N_("the gateway's answer can't be read"),
    "answered-by-a-page": N_("a page for people answered, and perhaps no receiver"),
    "contradictory-answer": N_("the gateway's answer contradicts itself"),
    "route-closed": N_("the route is closed"),
    "route-out": N_("the route is out: its file, an option or its library"),
    "no-such-number": N_("the number does not exist"),
    "bad-number": N_("that isn't a phone number"),
    "bad-address": N_("that isn't an address"),
    "bad-url": N_("that isn't a URL that can be used"),
    "bad-terminal-id": N_("that isn't a loudspeaker's id"),
    "bad-text": N_("the text can't be sent"),
    "no-secret": N_("the roster has no signing secret for it"),
    "bad-secret": N_("its signing secret is wrong"),
    "opted-out": N_("asked the carrier for no more messages"),
    "number-changed": N_("the roster has another number by now"),
    "number-not-served": N_("the route isn't for such numbers"),
    "same-text-used-up": N_("the gateway takes the same text no more today"),
    "content-refused": N_("the gateway refuses the text"),
    "expired": N_("it came too late"),
    "modems-busy": N_("all modems are busy"),
    "printer-busy": N_("the printer is busy"),
    "no-print-command": N_("the print command isn't there"),
    "folder-not-writable": N_("the folder can't be written to"),
    "nobody-listens": N_("no loudspeaker listens"),
    # What alertd itself says of a message (`decide.settle`, `decide.plan`).
    "gateway-has-it": N_("the gateway has it"),
    "arrived": N_("arrived"),
    "by-hand": N_("an operator is to call"),
    "no-word-by-deadline": N_("no word came by the deadline"),
    "terminal-silent": N_("the loudspeaker said nothing"),
    "resend-after-unknown": N_("sent once more, for nobody knows"),
    "loudspeaker-back": N_("sent once more: the loudspeaker is back"),
    "unknown-at-end": N_("unknown when it ended"),
    "cannot-be-made": N_("the text can't be made"),
    "answered-since": N_("answered meanwhile"),
    **WITHHELD,
}

SPEAKER_FAULTS: Final[Mapping[str, str]] = {
    # What we find by what it says, and when.
    "clock-ahead": N_("its clock is ahead: it may take an alert for over"),
    "clock-behind": N_("its clock is behind: it may refuse an alert as too early"),
    "comes-and-goes": N_("it comes and goes"),
    "floods": N_("it said too much and was shut out"),
    # What the reference terminal says of itself (`channels/loudspeaker/box/`).
    "no-player": N_("its player isn't there"),
    "player-hangs": N_("its player hangs"),
    "player-failed": N_("its player failed"),
    "player-too-quick": N_("its player ends too soon"),
    "command-unsigned": N_("it heard a command without a signature"),
    "command-unknown-key": N_("it heard a command by a key that it doesn't know"),
    "command-bad-signature": N_("it heard a command whose signature is wrong"),
    "command-malformed": N_("it heard a command that can't be read"),
    "command-too-large": N_("it heard a command that is too large"),
    "command-unknown-version": N_("it heard a command of a version that it doesn't know"),
}
"""What is wrong with a loudspeaker; other makes' terminals may say words of their own."""
