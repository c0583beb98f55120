"""Every gateway that the conformance suite runs over; a new one adds its line."""

from tests.contract.case_handsets import HandsetsCase
from tests.contract.case_twilio import TwilioCase
from tests.contract.case_webhook import WebhookCase
from tests.contract.peer import Case

CASES: list[type[Case]] = [HandsetsCase, TwilioCase, WebhookCase]
