"""People at the office's desks, before whole processes."""

import re
from typing import Final

from tests.acceptance.living_city import LivingCity
from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor

PASSWORD: Final = "a password of one's own"


def signs_in(city: LivingCity, browse: Visit, who: str, *, language: str) -> Visitor:
    """With the password for one sign-in, which gives way to one's own."""
    given = city.post(f"/api/v1/principals/{who}/password", who="cli")["one_time_password"]
    visitor: Visitor = browse(city.server.url, language=language)
    visitor.goes_to("/sign-in")
    for password in (given, PASSWORD):
        fields = visitor.page.locator("main input:not([type=hidden])")
        fields.nth(0).fill(who)
        fields.nth(1).fill(password)
        visitor.page.locator("main button").click()
        if password == given:
            visitor.is_at("/password")
            for nth, word in enumerate((given, PASSWORD, PASSWORD)):
                fields.nth(nth).fill(word)
            visitor.page.locator("main button").click()
            visitor.is_at("/sign-in")
    visitor.page.wait_for_url(re.compile("/(alerts)?$"))
    return visitor
