"""Messages: templates, the texts made from them, and the short form that becomes a CAP alert.

`Library` has the templates; `compose` makes the alert; `Library.frozen` and `alert_params` are what
an issued alert keeps; `Wording` (or `render`) makes each recipient's text from these.
"""

from alertd.messages.alert_values import alert_params
from alertd.messages.compose import ShortForm, compose
from alertd.messages.length import Encoding, SmsSize, sms_parts, sms_size
from alertd.messages.library import FOLLOWING, Library, load_library
from alertd.messages.marks import (
    EXERCISE_MARK,
    TEST_MARK,
    mark_duplicate,
    mark_exercise,
    mark_test,
    sign,
    unmarked,
)
from alertd.messages.params import check_params
from alertd.messages.render import Preview, hash_text, preflight, preview, render
from alertd.messages.template import CHANNELS, Param, Template
from alertd.messages.wording import Wording

__all__ = [
    "CHANNELS",
    "EXERCISE_MARK",
    "FOLLOWING",
    "TEST_MARK",
    "Encoding",
    "Library",
    "Param",
    "Preview",
    "ShortForm",
    "SmsSize",
    "Template",
    "Wording",
    "alert_params",
    "check_params",
    "compose",
    "hash_text",
    "load_library",
    "mark_duplicate",
    "mark_exercise",
    "mark_test",
    "preflight",
    "preview",
    "render",
    "sign",
    "sms_parts",
    "sms_size",
    "unmarked",
]
