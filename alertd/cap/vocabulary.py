"""The closed word lists of CAP 1.2, and the names that alertd adds as CAP parameters.

Words come from `CAP-v1.2.xsd` (OASIS, July 2010). The link between a warning signal's colour and
CAP's severity is this project's (DOMAIN, "Levels"): the colour is the meteorological office's, the
response level Ⅳ–Ⅰ the flood headquarters', and neither follows from the other.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
SIGNATURE_NAMESPACE: Final = "http://www.w3.org/2000/09/xmldsig#"

UNIT_CODE: Final = "alertd:unit-code"  # geocode: one area code of the roster's hierarchy
ROLE: Final = "alertd:role"  # parameter, once for each role that is addressed
COLOUR: Final = "alertd:colour"  # parameter: red, orange, yellow, blue
RESPONSE_LEVEL: Final = "alertd:response-level"  # parameter: I, II, III, IV
TEMPLATE: Final = "alertd:template"  # parameter: the template's name, e.g. typhoon-red
SOURCE_WARNING: Final = "alertd:source-warning"  # parameter: id of the warning that is cited
TEXT_PARAMETER: Final = "alertd:param:"  # parameter prefix: a value for the template


class Status(StrEnum):
    """How an alert is to be handled."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class MsgType(StrEnum):
    """The nature of a message."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


class Scope(StrEnum):
    """The intended distribution."""

    PUBLIC = "Public"
    RESTRICTED = "Restricted"
    PRIVATE = "Private"


class Category(StrEnum):
    """The category of the event."""

    GEO = "Geo"
    MET = "Met"
    SAFETY = "Safety"
    SECURITY = "Security"
    RESCUE = "Rescue"
    FIRE = "Fire"
    HEALTH = "Health"
    ENV = "Env"
    TRANSPORT = "Transport"
    INFRA = "Infra"
    CBRNE = "CBRNE"
    OTHER = "Other"


class ResponseType(StrEnum):
    """The action that is recommended."""

    SHELTER = "Shelter"
    EVACUATE = "Evacuate"
    PREPARE = "Prepare"
    EXECUTE = "Execute"
    AVOID = "Avoid"
    MONITOR = "Monitor"
    ASSESS = "Assess"
    ALL_CLEAR = "AllClear"
    NONE = "None"


class Urgency(StrEnum):
    """How soon to act."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Severity(StrEnum):
    """How bad it is."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"

    @property
    def rank(self) -> int:
        """1 Extreme, 2 Severe, 3 Moderate, 4 Minor, 5 Unknown: lower is sent first."""
        return _RANKS[self]


class Certainty(StrEnum):
    """How sure it is."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


class Colour(StrEnum):
    """A Chinese warning signal's colour, worst first."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    BLUE = "blue"

    @property
    def severity(self) -> Severity:
        """CAP's severity for this colour."""
        return _SEVERITIES[self]


class ResponseLevel(StrEnum):
    """The flood headquarters' emergency response level (应急响应), worst first."""

    I = "I"  # noqa: E741 - the official name is a Roman numeral
    II = "II"
    III = "III"
    IV = "IV"

    @property
    def roman(self) -> str:
        """The numeral as it is printed in Chinese documents: Ⅰ, Ⅱ, Ⅲ, Ⅳ."""
        return _ROMAN[self]


_RANKS = MappingProxyType({severity: rank for rank, severity in enumerate(Severity, start=1)})
_SEVERITIES = MappingProxyType(
    {
        Colour.RED: Severity.EXTREME,
        Colour.ORANGE: Severity.SEVERE,
        Colour.YELLOW: Severity.MODERATE,
        Colour.BLUE: Severity.MINOR,
    }
)
_ROMAN = MappingProxyType(
    {
        ResponseLevel.I: "Ⅰ",
        ResponseLevel.II: "Ⅱ",
        ResponseLevel.III: "Ⅲ",
        ResponseLevel.IV: "Ⅳ",
    }
)
