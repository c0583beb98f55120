"""Prometheus metrics, made at the scrape from the store and the engine; they name no person."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alertd.store.reads.pulse import Pulse, pulse
from alertd.web.deps import Deps
from alertd.web.standing import standing_of


class NodeCollector(Collector):
    """Reads the node's state when it is asked."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    def collect(self) -> Iterable[Metric]:
        """Every metric."""
        now = self.deps.now()
        with self.deps.store.read() as connection:
            found = pulse(connection, now)
        yield from _engine(self.deps, now)
        yield from _clock(self.deps)
        yield from _work(found, now)
        yield from _flows(self.deps, now)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"alertd_{name}", text, value=value)


def _engine(deps: Deps, now: int) -> Iterator[Metric]:
    age_s = max(0, now - deps.runner.cycled_at) / 1000
    yield _gauge("engine_cycle_age_seconds", "Since the engine's last step", age_s)
    yield _gauge(
        "engine_failing", "1 while the engine can't commit", float(bool(deps.runner.failing))
    )
    parts = len(deps.runner.engine.failing(now))
    yield _gauge("engine_parts_failing", "Parts of its work that failed when tried last", parts)
    if (space := deps.runner.space) is not None:
        yield _gauge("disk_free_bytes", "Free on the data folder's disk", space.free)
        yield _gauge("disk_ballast_bytes", "Held there for when it is full", space.held)
        yield _gauge(
            "new_work_refused", "1 while new alerts and rosters are refused", float(space.short)
        )


def _clock(deps: Deps) -> Iterator[Metric]:
    standing = standing_of(deps)
    ahead_s = standing.ahead_ms / 1000
    yield _gauge("clock_ahead_seconds", "The machine's clock before the node's time", ahead_s)
    yield _gauge("clock_trusted", "1 while the two agree", float(standing.trusted))


def _work(found: Pulse, now: int) -> Iterator[Metric]:
    alerts = GaugeMetricFamily(
        "alertd_alerts", "Alerts by CAP status and state", labels=["status", "state"]
    )
    for (status, state), n in found.alerts.items():
        alerts.add_metric([status, state], n)
    yield alerts
    deliveries = GaugeMetricFamily(
        "alertd_deliveries",
        "Deliveries of alerts under way, by the alert's CAP status, channel and state",
        labels=["status", "channel", "state"],
    )
    for labels, n in found.deliveries.items():
        deliveries.add_metric(labels, n)
    yield deliveries
    oldest = GaugeMetricFamily(
        "alertd_oldest_due_seconds",
        "How long the longest-waiting delivery has been due, by channel",
        labels=["channel"],
    )
    for channel, due_at in found.oldest_due_at.items():
        oldest.add_metric([channel], max(0, now - due_at) / 1000)
    yield oldest
    yield _gauge("help_untaken", "Calls for help that nobody has taken", found.open_help)
    yield _gauge("help_unheard", "Untaken ones that nobody could be told of", found.unheard_help)
    yield _gauge("replies_unclear", "Replies that wait for an operator", found.unclear)


def _flows(deps: Deps, now: int) -> Iterator[Metric]:
    in_flight = GaugeMetricFamily(
        "alertd_route_in_flight", "Tries under way by route", labels=["route"]
    )
    paused = GaugeMetricFamily(
        "alertd_route_paused",
        "1 while a route waits: told to, or because its gateway isn't there",
        labels=["route"],
    )
    broken = GaugeMetricFamily(
        "alertd_route_open",
        "1 while a route's breaker is open: its gateway isn't there, or only fails",
        labels=["route"],
    )
    for name, flow in dict(deps.runner.engine.flows).items():
        in_flight.add_metric([name], flow.in_flight)
        paused.add_metric([name], float(flow.waits_until > now))
        broken.add_metric([name], float(flow.breaker.is_open))
    yield in_flight
    yield broken
    yield paused


def exposition(deps: Deps) -> bytes:
    """The metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(NodeCollector(deps))
    return generate_latest(registry)
