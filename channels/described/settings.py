"""The options of a described route, and whether its description holds together."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from alertd.i18n import N_
from channels import options
from channels.base import RouteConfig
from channels.described import registered
from channels.described.calls import OF_MESSAGE, OF_TIME
from channels.described.description import Description, Inbound, fault
from channels.described.places import names_in
from channels.described.registered import Registered

_NOTHING: Final = N_("asks for {name}, which nothing stands for")
_OWN: Final = frozenset({"gateway", "url", "extension_digits", "asked_s"})
_PER_MESSAGE: Final = frozenset({"template", "variables", "values"})
_LEAST_SECRET: Final = 16
_MOST_DIGITS: Final = 6
_MOST_ASKED_S: Final = 600
# Mian county: the whole twenty seconds must be heard (DOMAIN, "叫应").
_ASKED_S: Final = 20


def only_known_without_a_gateway(config: RouteConfig) -> None:
    """Where no gateway is named, say at least which options every described route has.

    Raises:
        NotConfiguredError: Another one is set.
    """
    if "gateway" not in config.options:
        options.only(config, _OWN | {registered.OPTION})


class RouteSettings:
    """The route's options, read by its description.

    Raises:
        NotConfiguredError: An option or the description is wrong; it says which.
    """

    def __init__(self, config: RouteConfig, gateway: Description) -> None:
        takes_templates = bool(_PER_MESSAGE & set(names_in(gateway.request.fields)))
        known = _OWN | gateway.options.keys() | ({registered.OPTION} if takes_templates else set())
        options.only(config, frozenset(known))
        if clash := sorted(gateway.options.keys() & (_OWN | {registered.OPTION})):
            raise fault(config, f"options.{clash[0]}", N_("is a name that every route has"))
        self.url = options.url(config, "url", gateway.url)
        self.given = {
            name: _text(config, name, option.default) for name, option in gateway.options.items()
        }
        self.templates = Registered(config, gateway.channel) if takes_templates else None
        self.extension_digits = _whole(config, "extension_digits", 0, most=_MOST_DIGITS)
        self.asked_s = _whole(config, "asked_s", _ASKED_S, most=_MOST_ASKED_S)
        for place, reason in _contradictions(gateway):
            raise fault(config, place, reason)
        for name in _hook_secrets(gateway):
            if len(self.given[name]) < _LEAST_SECRET:
                raise options.wrong(config, name, "must have at least 16 characters")
        for name in _hook_proofs(gateway):
            if not self.given[name]:
                raise options.wrong(config, name, "must not be empty")


def _text(config: RouteConfig, name: str, default: str | None) -> str:
    if default == "" and config.options.get(name, "") == "":
        return ""
    return options.text(config, name, default)


def _whole(config: RouteConfig, name: str, default: int, *, most: int) -> int:
    value = config.options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise options.wrong(config, name, f"must be a whole number from 0 to {most}")
    return value


def _hook_secrets(gateway: Description) -> set[str]:
    """Options that stand in a call as they are: whoever guesses one can answer for anybody."""
    plain = (hook.verify.of for hook in gateway.hooks.values() if hook.verify.digest == "plain")
    return {name for of in plain for name in names_in(of)} & gateway.options.keys()


def _hook_proofs(gateway: Description) -> set[str]:
    """Options that a call is proven by: with an empty one anybody could make the proof."""
    verified = (hook.verify for hook in gateway.hooks.values())
    of = ({how.secret} if how.secret else set(names_in(how.of)) for how in verified)
    return {name for names in of for name in names} & gateway.options.keys()


def _contradictions(gateway: Description) -> Iterator[tuple[str, str]]:
    """Names that nothing stands for, and fields that need another."""
    own = gateway.options.keys() | OF_TIME
    computed: set[str] = set()
    for number, each in enumerate(gateway.computed):
        yield from _unknown(f"computed.{number}.of", each.of, own | OF_MESSAGE | computed)
        yield from _no_option(f"computed.{number}.secret", each.secret, gateway)
        computed.add(each.name)
    called = own | OF_MESSAGE | computed
    yield from _unknown("request.fields", gateway.request.fields, called)
    yield from _unknown("request.headers", gateway.request.headers, called)
    if gateway.health is not None:
        yield from _unknown("health.fields", gateway.health.fields, own | computed)
        yield from _unknown("health.headers", gateway.health.headers, own | computed)
    signing = gateway.signing
    yield from _unknown("signing.of", signing.of, called | {"request_body"})
    yield from _no_option("signing.key", signing.key, gateway)
    yield from _no_option("signing.secret", signing.secret, gateway)
    if signing.algorithm == "digest" and not (signing.header and signing.of):
        yield "signing.header", N_("is missing")
    if signing.algorithm == "aliyun-rpc" and gateway.request.body == "json":
        yield "request.body", N_("must be query or form for this signature")
    if gateway.request.method == "GET" and gateway.request.body != "query":
        yield "request.body", N_("must be query where the method is GET")
    if gateway.answer.format == "text" and not _is_pattern(gateway.answer.pattern):
        yield "answer.pattern", N_("must be a regular expression with named groups")
    for name, hook in gateway.hooks.items():
        yield from _hook(f"hooks.{name}", hook, gateway)


def _hook(place: str, hook: Inbound, gateway: Description) -> Iterator[tuple[str, str]]:
    yield from _no_option(f"{place}.verify.secret", hook.verify.secret, gateway)
    asked = set(names_in(hook.verify.of))
    parts = {name for name in asked if name.startswith(("query.", "header.", "field."))}
    unknown = asked - parts - gateway.options.keys() - {"request_body"}
    if unknown:
        yield f"{place}.verify.of", _NOTHING.format(name=f"{{{min(unknown)}}}")
    if not (asked & gateway.options.keys()) and not hook.verify.secret:
        yield f"{place}.verify.of", N_("needs a secret option, or anybody could call")
    if hook.receipt is None and hook.reply is None:
        yield place, N_("needs a receipt, a reply or both")
    if hook.receipt is not None and bool(hook.receipt.part) != bool(hook.receipt.parts):
        yield f"{place}.receipt", N_("needs part and parts, or neither")
    if hook.reply is not None and not hook.reply.id:
        yield f"{place}.reply.id", N_("must not be empty")


def _unknown(place: str, template: Any, known: set[str]) -> Iterator[tuple[str, str]]:
    for name in names_in(template):
        if name not in known:
            yield place, _NOTHING.format(name=f"{{{name}}}")


def _no_option(place: str, name: str, gateway: Description) -> Iterator[tuple[str, str]]:
    if name and name not in gateway.options:
        yield place, N_("names no option: {name}").format(name=name)


def _is_pattern(pattern: str) -> bool:
    try:
        return bool(re.compile(pattern).groupindex)
    except re.error:
        return False


def secret_key(given: Mapping[str, str], gateway: Description) -> bytes:
    """What a reply's made-up id is keyed with: everything that only we and the provider know."""
    return "\0".join(given[name] for name in sorted(gateway.options)).encode()
