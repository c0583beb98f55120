"""A paho client as we use it: no thread, no queue beyond a bound, and answers by hand."""

import ssl

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from channels.loudspeaker.address import BrokerAddress

_CONNECT_TIMEOUT_S = 5.0
_MOST_QUEUED = 1000  # far below 65,535 message ids, where paho begins to refuse


def make_client(
    address: BrokerAddress,
    client_id: str,
    context: ssl.SSLContext | None,
    will: tuple[str, bytes] | None,
    keepalive_s: int,
    *,
    clean: bool,
) -> Client:
    """One that knows where to connect to, and hasn't yet; the arguments are those of `Link`."""
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=clean,
        protocol=MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.connect_timeout = _CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(0)  # the window is the link's
    client.max_queued_messages_set(_MOST_QUEUED)
    if address.username is not None:
        client.username_pw_set(address.username, address.password)
    if address.tls:
        client.tls_set_context(context or ssl.create_default_context())
    if will is not None:
        client.will_set(will[0], will[1], qos=1, retain=True)
    client.connect_async(address.host, address.port, keepalive_s)
    return client
