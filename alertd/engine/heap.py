"""How often Python looks for garbage: rarely, in a process that lives long and allocates a lot."""

import gc

_YOUNG = 20_000  # new objects before a look at the young; Python's own 700 is one message's worth


def settle_heap() -> None:
    """Call once when a server has started.

    What was loaded until now lives as long as the process and is never looked through again. The
    looking took a fifth of the time of a claim and a settlement (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)
