"""The small part of Jinja that a template may use, and how it is compiled.

A template inserts values and chooses between texts; that is all a message needs. Loops, calls,
attributes, filters and arithmetic are refused when the template is loaded, so that its output is
never longer than its source plus each value as often as it is named. The sandbox stands behind
this as a second wall.
"""

from functools import lru_cache
from typing import Final

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from alertd.i18n import N_

MAX_SOURCE: Final = 3_000  # characters

_ALLOWED: Final = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # SMS, speech and chat text, never HTML
    )
    environment.globals.clear()
    environment.filters.clear()
    environment.tests.clear()
    return environment


_ENVIRONMENT = _environment()


@lru_cache(maxsize=2_000)
def names_in(source: str) -> frozenset[str]:
    """The values that a template's source asks for; cached, as every frozen copy is checked.

    Raises:
        ValueError: It is too long, isn't valid, or uses more of Jinja than a message may.
    """
    if len(source) > MAX_SOURCE:
        raise ValueError(
            N_("must be at most {max_length} characters long").format(max_length=MAX_SOURCE)
        )
    try:
        tree = _ENVIRONMENT.parse(source)
    except TemplateSyntaxError as error:
        reason = N_("isn't a valid template: line {line}").format(line=error.lineno)
        raise ValueError(reason) from None
    found = list(tree.find_all(nodes.Node))
    refused = {type(n).__name__ for n in found if not isinstance(n, _ALLOWED)}
    if refused:
        names = ", ".join(sorted(refused))
        raise ValueError(N_("must not use {names}, only values and if").format(names=names))
    # Nothing that is allowed can declare a value, so that every name is one to be given.
    return frozenset(n.name for n in found if isinstance(n, nodes.Name))


@lru_cache(maxsize=2_000)
def compiled(source: str) -> Template:
    """A source as a template; cached, since an alert renders one source thousands of times."""
    names_in(source)
    return _ENVIRONMENT.from_string(source)
