"""What a simulation came to, as tables, as JSON and as pictures."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from alertd.cli import show
from alertd.cli.behaviour import Behaviour, sentence
from alertd.cli.words import LANGUAGE, _, word
from alertd.errors import InvalidInputError
from alertd.i18n import N_
from alertd.report.words import role_word
from alertd.whole import in_place_of
from drills.script import Event
from drills.simulate import pictures
from drills.simulate.scripted import Scripted
from drills.simulate.summary import Summary, Time, plain
from drills.simulate.whatif import Gain

ENDS: Final[Mapping[str, str]] = {
    "principal": N_("the principal answered"),
    "alternate": N_("an alternate answered"),
    "phone": N_("reached by telephone"),
    "runner": N_("reached at the door"),
    "silent": N_("silent to the end"),
    "open": N_("still climbing"),
    "closed": N_("the alert ended first"),
    "carried over": N_("answered before"),
}
_SHORT: Final[Mapping[str, str]] = {
    "principal": N_("principal"),
    "alternate": N_("alternate"),
    "phone": N_("telephone"),
    "runner": N_("at the door"),
    "silent": N_("silent"),
    "open": N_("climbing"),
    "closed": N_("ended first"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What was played: one batch, or two policies side by side.

    Args:
        plan: Its name.
        scenario: Its name.
        behaviour: How people answer in it.
        batches: By policy; "" is the plan's own.
        gains: What one thing more would bring; None: it wasn't asked.
        names: Units by number.
    """

    plan: str
    scenario: str
    behaviour: Behaviour
    batches: tuple[tuple[str, Summary], ...]
    gains: tuple[Gain, ...] | None
    names: Mapping[int, str]


def document(played: Played, seed: int) -> dict[str, Any]:
    """The JSON of it."""
    return {
        "plan": played.plan,
        "scenario": played.scenario,
        "behaviour": played.behaviour.document(),
        "first_seed": seed,
        "batches": [
            {"policy": policy, **_named(plain(summary), played.names)}
            for policy, summary in played.batches
        ],
        "what_if": None if played.gains is None else [asdict(gain) for gain in played.gains],
    }


def _named(summary: dict[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    silent = [{"unit": names.get(no, "?"), "nights": share} for no, share in summary["silent"]]
    broken = [
        {"promise": promise, "what": what, "seeds": list(seeds)}
        for promise, what, seeds in summary["broken"]
    ]
    return summary | {"silent": silent, "broken": broken}


def write(played: Played, found: Mapping[str, Any], folder: Path) -> None:
    """Write the figures and the pictures into a folder.

    Raises:
        InvalidInputError: It can't be written to.
    """
    series = [(policy, summary) for policy, summary in played.batches]
    minutes, nights = _("minutes after the alert"), _("share of duties")
    files = {
        "simulation.json": json.dumps(found, ensure_ascii=False, indent=2) + "\n",
        "coverage.svg": pictures.coverage(
            _("Grids covered"), minutes, series, _("dashed: told; dotted: failed; by number")
        ),
        "ends.svg": pictures.ends(
            _("Where ladders end"), nights, series, {k: _(text) for k, text in _SHORT.items()}
        ),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as drafts:
            for name, text in files.items():
                draft = drafts.enter_context(in_place_of(folder / name))
                draft.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(f"{folder} can't be written to: {error.strerror}.") from None


def tables(played: Played) -> None:
    """Show it on a terminal."""
    first = played.batches[0][1]
    show.line(
        _(
            "{plan}, in the night of “{scenario}”: {nights} nights, {grids} grids, {duties} duties."
        ).format(
            plan=played.plan,
            scenario=played.scenario,
            nights=f"{first.nights:,}",
            grids=f"{first.grids:,}",
            duties=f"{first.duties:,}",
        )
    )
    show.line(sentence(played.behaviour))
    heads = [policy or _("the plan's policy") for policy, _summary in played.batches]
    summaries = [summary for _policy, summary in played.batches]
    show.table((_("minutes"), *heads), _times(summaries), _("When grids are covered"))
    show.table((_("share of duties"), *heads), _ends(summaries), _("Where ladders end"))
    show.table((_("a night"), *heads), _loads(summaries), _("What it takes"))
    if first.script:
        _script(heads, summaries)
    if first.silent:
        rows = [(played.names.get(no, "?"), f"{share:.0%}") for no, share in first.silent]
        show.table((_("unit"), _("nights")), rows, _("Who stays silent most often"))
    if played.gains is not None:
        _gains(played.gains)


def _times(summaries: list[Summary]) -> list[tuple[str, ...]]:
    rows = []
    for place, time in enumerate(summaries[0].times):
        label = _("{share}% of grids, in the middle night").format(share=f"{time.share:.0%}"[:-1])
        rows.append((label, *(_minutes(s.times[place].median) for s in summaries)))
        label = _("{share}% of grids, in the worst 5% of nights").format(
            share=f"{time.share:.0%}"[:-1]
        )
        rows.append((label, *(_worst(s.times[place]) for s in summaries)))
    rows.append((_("a duty waits, in the mean"), *(f"{s.waited_min:.1f}" for s in summaries)))
    return rows


def _minutes(value: float | None) -> str:
    return _("never") if value is None else f"{value:.1f}"


def _worst(time: Time) -> str:
    return (
        _("later than {minutes}").format(minutes=_minutes(time.worst))
        if (time.worst is not None)
        else _("never")
    )


def _ends(summaries: list[Summary]) -> list[tuple[str, ...]]:
    names = [name for name in ENDS if any(name in s.ends for s in summaries)]
    return [(_(ENDS[name]), *(f"{s.ends.get(name, 0.0):.1%}" for s in summaries)) for name in names]


def _loads(summaries: list[Summary]) -> list[tuple[str, ...]]:
    rows = [
        (_("messages"), *(f"{sum(s.messages.values()):,.0f}" for s in summaries)),
        (_("the most for one person"), *(f"{s.most_a_person:,}" for s in summaries)),
    ]
    routes = dict.fromkeys(name for s in summaries for name in s.routes)
    rows += [(name, *(f"{s.routes.get(name, 0.0):,.0f}" for s in summaries)) for name in routes]
    return rows


def _script(heads: list[str], summaries: list[Summary]) -> None:
    """What the plan's script did: whom it told, and how far the night was by then."""
    rows = []
    for place, each in enumerate(summaries[0].script):
        there = [s.script[place] for s in summaries]
        covered = (
            _("{middle}, {worst} at worst").format(
                middle=f"{line.covered:.0%}", worst=f"{line.covered_worst:.0%}"
            )
            if line.nights
            else _("never")
            for line in there
        )
        rows.append((each.no, f"{each.at_min:g}", _happens(each), _told(each), *covered))
    told = _("told, arrived")
    head = (
        _("no."),
        _("minute"),
        _("what"),
        told,
        *(_("grids, {name}").format(name=h) for h in heads),
    )
    show.table(head, rows, _("The script, and what was covered by then"))


def _happens(line: Scripted) -> str:
    if line.event == Event.INJECT.value:
        return line.what
    text = (
        _("failed: {kind} {what}") if line.event == Event.LOST.value else _("mended: {kind} {what}")
    )
    return text.format(kind=word("loss", line.kind), what=line.what).rstrip()


def _told(line: Scripted) -> str:
    if line.event != Event.INJECT.value:
        return ""
    return f"{line.told:g}, {line.arrived:g}" if line.units else _("the log only")


def _gains(gains: tuple[Gain, ...]) -> None:
    heads = (
        _("one thing more"),
        _("a duty waits, min"),
        _("90% of grids, min"),
        _("silent duties"),
    )
    rows = [
        (
            _(gain.text).format(name=_named_with(gain)),
            f"{-gain.waited_min:+z.2f}",
            "" if gain.to_90_min is None else f"{-gain.to_90_min:+z.2f}",
            f"{-gain.silent:+z.1%}",
        )
        for gain in gains
    ]
    show.table(heads, rows, _("What would help most"))


def _named_with(gain: Gain) -> str:
    """A unit's name says nothing of who in it needs an alternate."""
    return f"{gain.name} {role_word(LANGUAGE, gain.role)}" if gain.role else gain.name
