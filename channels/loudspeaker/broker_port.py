"""Who listens on the broker's port, as Linux tells it (proc(5)): ourselves, or another program.

A port is anybody's once whoever listened there has died, so that an address alone proves nothing:
whatever answers there would be given our login. A listening socket has a number of its own: while
that of our broker is there, who was just connected to is our broker.
"""

import errno
import pwd
import socket
from collections.abc import Iterator
from pathlib import Path

from alertd.errors import UnavailableError

_LISTENS = "0A"  # the state of a socket in /proc/net/tcp
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - read
_TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")


class AnothersPortError(ConnectionError):
    """Whoever listens there isn't our broker."""


def listeners(port: int) -> dict[int, int]:
    """The numbers of the sockets that listen on `port`, by any address, and their users' ids."""
    found = {}
    for table in _TABLES:
        try:
            lines = Path(table).read_text("ascii").splitlines()[1:]
        except FileNotFoundError:
            continue  # a machine without IPv6
        for line in lines:
            _, at, _, state, _, _, _, user, _, number, *_ = line.split()
            if state == _LISTENS and int(at.rpartition(":")[2], 16) == port:
                found[int(number)] = int(user)
    return found


def listens_with(pid: int, port: int) -> frozenset[int]:
    """The numbers of those that are a process's own; none where that can't be seen."""
    try:
        return frozenset(_sockets(pid)) & listeners(port).keys()
    except OSError:
        return frozenset()


def free_port(host: str, port: int) -> int:
    """`port`, or any free one for 0; nats-server wouldn't tell us which one it took.

    Raises:
        UnavailableError: It is taken, or the address isn't this machine's.
    """
    if host in _EVERYWHERE and socket.has_dualstack_ipv6():
        host = "::"  # as nats-server: by both families
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == "::":
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise _not_had(port, error) from None
        return int(probe.getsockname()[1])


def _not_had(port: int, error: OSError) -> UnavailableError:
    """Its message says who has it, where that can be seen."""
    hint = "End what is using it, or set another broker_port."
    users = listeners(port) if error.errno == errno.EADDRINUSE else {}
    for pid, name in _programs():
        try:
            if users.keys() & frozenset(_sockets(pid)):
                return UnavailableError(
                    f"The MQTT broker can't listen on port {port}, where {name} (process {pid})"
                    " does.",
                    hint=hint,
                )
        except OSError:
            continue  # another user's, or it has ended
    for user in map(_name, users.values()):
        return UnavailableError(
            f"The MQTT broker can't listen on port {port}, where a program of the user {user}"
            " does.",
            hint=hint,
        )
    return UnavailableError(
        f"The MQTT broker can't listen on port {port}: {error.strerror}.", hint=hint
    )


def _programs() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "comm").read_text("utf-8", "replace").strip()
        except OSError:
            continue  # it has ended
        yield int(folder.name), "".join(sign if sign.isprintable() else "?" for sign in name)


def _sockets(pid: int) -> Iterator[int]:
    for file in Path(f"/proc/{pid}/fd").iterdir():
        try:
            kind, _, number = str(file.readlink()).partition(":[")
        except FileNotFoundError:
            continue  # closed meanwhile
        if kind == "socket":
            yield int(number.rstrip("]"))


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
