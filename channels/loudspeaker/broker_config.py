"""What brokers are told of who may do what: nats-server's configuration, Mosquitto's files; pure.

A loudspeaker may speak of itself and hear what is for it and for its areas, and nothing else.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from channels.loudspeaker.accounts import ALERTD, SHARED, Account
from channels.loudspeaker.broker_store import STORE
from channels.loudspeaker.commands import MAX_COMMAND_BYTES, ROOT, command_topic
from channels.loudspeaker.nats_api import LOGIN, MAY
from channels.loudspeaker.reports import SAYS

_NATS = """\
server_name: alertd
listen: {host_loopback}
ports_file_dir: {ports}
log_file: {log_file}
logfile_size_limit: 4MB
logfile_max_num: 2
max_payload: 64KB
jetstream {{
  store_dir: {store}
  sync_interval: always
  max_memory_store: 64MB
  max_file_store: 1GB
  # One for each loudspeaker; by default there is no room for the thousandth.
  limits {{ default_max_consumers: {most_subscriptions} }}
}}
authorization {{
  users: [
{users}
  ]
}}
mqtt {{
  listen: {listen}
  ack_wait: "5s"
  # A subscription is a durable consumer, made one after the other, each on the disk: a thousand
  # loudspeakers that come at once wait for it. Past the default of 5 s they would be hung up on,
  # come again, and never be done.
  js_api_timeout: "120s"
  # Of a session, and of each subscription of it. What is over it is not held back but dropped until
  # ack_wait has passed: a thousand loudspeakers answer at once, twice each, and alertd lets go of
  # what it has once that is on the disk. All subscriptions of a session together have 65,535.
  max_ack_pending: {most_unconfirmed}
}}
"""

PORTS = "ports"
_MOST_SUBSCRIPTIONS = 100_000
MOST_UNCONFIRMED = 3_000

# Mosquitto's own default of iterations: the passwords are random, and a thousand may come at once.
_ITERATIONS = 101
_SALT_BYTES = 12

_MOSQUITTO_CONF = """\
# Mosquitto for alertd's loudspeakers. After each `alertd terminal enrol` and `… revoke` write these
# files anew (`alertd terminal mosquitto`) and send Mosquitto a SIGHUP: it reads them again.
listener 8883
cafile /etc/mosquitto/certs/ca.crt
certfile /etc/mosquitto/certs/server.crt
keyfile /etc/mosquitto/certs/server.key

allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl

# It keeps what it took only from one save to the next: by default for half an hour. alertd sends
# again what no loudspeaker answered, so that this is about minutes and not about losses.
persistence true
persistence_location /var/lib/mosquitto/
autosave_interval 30
# Past so many it drops what waits for a loudspeaker, or for alertd, and says nothing of it.
max_queued_messages 10000
max_inflight_messages 100
# The largest command is half of it. By default a loudspeaker's login may leave 256 MB behind in
# each of its topics, which alertd would be brought again at every connect.
message_size_limit {most_bytes}
# That bounds the payload only: MQTT 5 lets a login add as many properties to it as it likes.
max_packet_size {most_packet}
# A loudspeaker that doesn't come back for so long is forgotten, with what waits for it.
persistent_client_expiration 14d
"""


def nats_config(
    folder: Path,
    listen: str,
    passwords: Mapping[str, str],
    accounts: Iterable[Account],
    *,
    shared: bool,
) -> str:
    """nats-server's configuration.

    Args:
        folder: The broker's.
        listen: Host and port for MQTT.
        passwords: Of `passwords.logins`.
        accounts: The loudspeakers'.
        shared: Whether the one login for all is good, too.
    """
    users = [_user(ALERTD, passwords[ALERTD], ["alertd.>"], ["alertd.>"])]
    users.append(_user(LOGIN, passwords[ALERTD], **MAY, speaks="STANDARD"))
    if shared:
        hears = ["alertd.v1.terminal.*.cmd", "alertd.v1.area.*.cmd"]
        users.append(_user(SHARED, passwords[SHARED], _says("*"), hears))
    for account in accounts:
        if account.good:
            targets = [f"terminal/{account.terminal}", *(f"area/{code}" for code in account.areas)]
            hears = [command_topic(target).replace("/", ".") for target in targets]
            users.append(_user(account.terminal, account.password, _says(account.terminal), hears))
    return _NATS.format(
        # NATS's own protocol: on loopback, on any port, for one user, who may set bounds.
        host_loopback=json.dumps("127.0.0.1:-1"),
        ports=json.dumps(str(folder / PORTS)),
        log_file=json.dumps(str(folder / "nats.log")),
        store=json.dumps(str(folder / STORE)),
        users="\n".join(users),
        listen=json.dumps(listen),
        most_subscriptions=_MOST_SUBSCRIPTIONS,
        most_unconfirmed=MOST_UNCONFIRMED,
    )


def _says(terminal: str) -> list[str]:
    """NATS writes a topic's `/` as `.` and `+` as `*`."""
    return [f"{ROOT}/terminal/{terminal}/{word}".replace("/", ".") for word in SAYS]


def _user(
    name: str, password: str, publish: list[str], subscribe: list[str], speaks: str = "MQTT"
) -> str:
    # JSON's strings and lists are NATS's own.
    may: dict[str, Any] = {"publish": publish, "subscribe": subscribe}
    return (
        f"    {{ user: {json.dumps(name)}, password: {json.dumps(password)},"
        f' allowed_connection_types: ["{speaks}"], permissions: {json.dumps(may)} }}'
    )


def mosquitto_acl(accounts: Iterable[Account]) -> str:
    """Mosquitto's ACL: a pattern for what every loudspeaker may, and its areas for each."""
    lines = [f"user {ALERTD}", f"topic readwrite {ROOT}/#", ""]
    for account in accounts:
        if account.good and account.areas:
            lines.append(f"user {account.terminal}")
            lines += [f"topic read {command_topic(f'area/{code}')}" for code in account.areas]
            lines.append("")
    lines.append(f"pattern read {ROOT}/terminal/%u/cmd")
    lines += [f"pattern write {ROOT}/terminal/%u/{word}" for word in SAYS]
    return "\n".join(lines) + "\n"


def mosquitto_passwords(
    own: str, accounts: Iterable[Account], random: Callable[[int], bytes]
) -> str:
    """Mosquitto's password file, in its own form: PBKDF2 with SHA-512."""
    known = [(ALERTD, own), *((a.terminal, a.password) for a in accounts if a.good)]
    return "".join(f"{name}:{_hashed(word, random(_SALT_BYTES))}\n" for name, word in known)


def mosquitto_conf(folder: Path) -> str:
    """An example of the settings that go with them."""
    return _MOSQUITTO_CONF.format(
        folder=folder, most_bytes=2 * MAX_COMMAND_BYTES, most_packet=4 * MAX_COMMAND_BYTES
    )


def _hashed(password: str, salt: bytes) -> str:
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    coded = [base64.b64encode(part).decode("ascii") for part in (salt, made)]
    return f"$7${_ITERATIONS}${coded[0]}${coded[1]}"
