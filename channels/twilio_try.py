"""Our own numbers in the URLs that Twilio calls back: `?d=` delivery, `&a=` attempt."""

from urllib.parse import urlencode, urlsplit

from channels.base import HookRefusedError, Outgoing
from channels.hook_reading import digits
from channels.twilio_signature import Form, read_form

_LARGEST_ATTEMPT = 2**31 - 1


def callback_url(hook_url: str, message: Outgoing, **more: str | int) -> str:
    """The URL by which Twilio names `message`'s try; its signature covers the numbers, too.

    Args:
        hook_url: The hook's.
        message: The try.
        more: What else the hook wants to be told of it.
    """
    return f"{hook_url}?{urlencode({'d': message.delivery, 'a': message.attempt, **more})}"


def our_try(target: str) -> tuple[int, int]:
    """Delivery and attempt that a verified request's `target` names.

    Raises:
        HookRefusedError: 400, it names none.
    """
    ours = query_of(target)
    delivery = digits(ours.one("d"), least=1)
    attempt = digits(ours.one("a"), least=1, most=_LARGEST_ATTEMPT)
    if delivery is None or attempt is None:
        raise HookRefusedError(400, "not-ours")
    return delivery, attempt


def query_of(target: str) -> Form:
    """The fields of a verified request's query.

    Raises:
        HookRefusedError: 400, they can't be read.
    """
    return read_form(urlsplit(target).query)
