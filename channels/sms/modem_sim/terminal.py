"""A modem's device: a pseudo-terminal under a name that stays."""

import asyncio
import fcntl
import os
import pty
import termios
import tty
from pathlib import Path

from channels.sim_log import Log
from channels.sms.modem_sim.modem import Modem


class Terminal:
    """Opens a pseudo-terminal, makes `link` lead to it, and puts a modem behind it.

    Args:
        link: The device's name.
        log: The simulator's.
    """

    def __init__(self, link: Path, log: Log) -> None:
        self.link = link
        self.modem = Modem(link.name, log, self._write, self.replug)
        self._master = self._slave = -1
        self._open()

    def replug(self) -> None:
        """The device goes (whoever holds it is hung up on), and a new one comes."""
        self._shut()
        self._open()

    def close(self) -> None:
        """Take it away for good."""
        self.link.unlink(missing_ok=True)
        self._shut()

    def _open(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        # Two names for a moment and never none: a device that is being replaced is still there.
        fresh = self.link.with_name(f".{self.link.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self.link)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def _shut(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)

    def _read(self) -> None:
        # Whoever opens a serial device takes it for itself. A real one is free again once its last
        # holder has gone; of ours, we hold one end.
        fcntl.ioctl(self._slave, termios.TIOCNXCL)
        self.modem.feed(os.read(self._master, 4096))

    def _write(self, data: bytes) -> None:
        try:
            os.write(self._master, data)
        except BlockingIOError:
            return  # nobody reads, as with a device that nobody has opened
