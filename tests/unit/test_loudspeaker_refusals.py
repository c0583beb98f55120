"""What a broker of MQTT 5 says against a message, and what follows."""

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from channels.loudspeaker.paho_client import lasting, refusal
from channels.loudspeaker.unsent import NobodyListensError, NotAllowedError, NotHandedOverError


def puback(value: int) -> ReasonCode:
    return ReasonCode(PacketTypes.PUBACK, identifier=value)


@pytest.mark.parametrize(
    ("value", "kind", "code"),
    [
        (0x10, NobodyListensError, "nobody-listens"),
        (0x87, NotAllowedError, "broker-not-authorized"),
        (0x90, NotAllowedError, "broker-topic-name-invalid"),
        (0x99, NotAllowedError, "broker-payload-format-invalid"),
        (0x97, NotHandedOverError, "broker-quota-exceeded"),
        (0x80, NotHandedOverError, "broker-unspecified-error"),
    ],
)
def test_a_word_against_a_message(value: int, kind: type[Exception], code: str) -> None:
    said = refusal(puback(value))
    assert type(said) is kind
    assert (said.code, said.away) == (code, False)  # type: ignore[union-attr]


def test_no_word_against_it() -> None:
    assert refusal(puback(0)) is None


def test_the_longest_time_that_there_is_a_number_for() -> None:
    assert lasting(60).MessageExpiryInterval == 60
    assert lasting(2**40).MessageExpiryInterval < 2**32
