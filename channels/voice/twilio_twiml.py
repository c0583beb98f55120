"""What Twilio is told to say, as TwiML: pure. https://www.twilio.com/docs/voice/twiml."""

from typing import Final
from xml.sax.saxutils import escape, quoteattr

from alertd.i18n import N_, translator

MAX_CHARACTERS: Final = 4_000  # of TwiML that is sent along with the call itself
RECEIVED, HELP, AWAY = "1", "3", "0"  # as the reply grammar reads an SMS
_KEY_WAIT_S: Final = 8  # after the last word, for an answer
_ASK: Final = N_("Press 1 for received, 3 for help.")
_NOTED: Final = N_("Your answer was received. Goodbye.")
ANSWERS: Final = {
    RECEIVED: _NOTED,
    HELP: N_("Your call for help was received. Goodbye."),
    AWAY: _NOTED,
}
_SPOKEN: Final = {"zh-CN": "zh-CN", "en": "en-US"}
# Unhurried speech: characters of Chinese, and letters of anything else, a second.
_CHINESE_PER_S, _LETTERS_PER_S = 4.0, 13.0
_FIRST_CHINESE: Final = "\u2e80"


def call(text: str, language: str, *, repeat: int, key_url: str, voice: str | None) -> str:
    """The whole call: the text, `repeat` times, and time for a key; one may come in mid-sentence.

    Args:
        text: What is said; it names the keys itself.
        language: The message's, zh-CN or en.
        repeat: How many times.
        key_url: Called with the key, and without one where it was heard to the end.
        voice: One of Twilio's voices; None is its usual one for the language.
    """
    return _response(_gather(key_url, _say(text, language, voice, loop=repeat)))


def told(text: str, language: str, *, repeat: int, end_url: str, voice: str | None) -> str:
    """A call that asks for no answer: no key ends it before its end, and none is taken for one.

    Args:
        text: As `call` has it, and the next two.
        language: The message's.
        repeat: How many times.
        end_url: Called, as a key's is without one, where it was heard to the end.
        voice: As `call` has it.
    """
    end = f'<Redirect method="POST">{escape(end_url)}</Redirect>'
    return _response(_say(text, language, voice, loop=repeat) + end)


def ask_again(language: str, key_url: str) -> str:
    """After a key that means nothing: which keys there are."""
    return _response(_gather(key_url, _say(translator(language)(_ASK), language, None)))


def answered(key: str, language: str) -> str:
    """After an answer that was stored."""
    return _response(_say(translator(language)(ANSWERS[key]), language, None))


def goodbye() -> str:
    """Hang up."""
    return _response("<Hangup/>")


def seconds(text: str, repeat: int) -> int:
    """How long the text takes to say, about; at least 1."""
    chinese = sum(character >= _FIRST_CHINESE for character in text)
    once = chinese / _CHINESE_PER_S + (len(text) - chinese) / _LETTERS_PER_S
    return max(1, round(once * repeat))


def _response(inside: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inside}</Response>'


def _gather(key_url: str, inside: str) -> str:
    return (
        f'<Gather numDigits="1" timeout="{_KEY_WAIT_S}" finishOnKey="" method="POST" '
        f'actionOnEmptyResult="true" action={quoteattr(key_url)}>{inside}</Gather>'
    )


def _say(text: str, language: str, voice: str | None, loop: int = 1) -> str:
    spoken = quoteattr(_SPOKEN.get(language, "zh-CN"))
    by = f" voice={quoteattr(voice)}" if voice else ""
    return f'<Say language={spoken}{by} loop="{loop}">{escape(_sound(text))}</Say>'


def _sound(text: str) -> str:
    """`text` without what XML can't hold."""
    return "".join(
        character if character.isprintable() or character in "\n\t" else " " for character in text
    )
