"""How the machine's clock stands to the node's time, for pages, probes and metrics."""

from alertd.engine.timekeeping import Standing
from alertd.web.deps import Deps


def standing_of(deps: Deps) -> Standing:
    """How the machine's clock stands to the node's time."""
    keeper = deps.runner.keeper
    return keeper.standing if keeper is not None else Standing()
