"""A modem's child in which gammu doesn't sleep as long.

Gammu's AT driver sleeps for 0.7 s a part and for nearly 4 s at its start, for the sake of old
phones. A signal ends a sleep, so a timer cuts each short; all else is as it is. The unhurried child
is in `test_modems_sims.py` and in the bench.
"""

import runpy
import signal
from pathlib import Path

_CHILD = Path(__file__).resolve().parents[2] / "channels/sms/modem_child.py"
_TICK_S = 0.02

if __name__ == "__main__":
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, _TICK_S, _TICK_S)
    runpy.run_path(str(_CHILD), run_name="__main__")
