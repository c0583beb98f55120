"""The browser tests' own tools: signing in for real, and that what is watched for is noticed."""

from tests.browser.conftest import Visit
from tests.browser.stage import Stage
from tests.unit.web_city import PASSWORD


def test_somebody_signs_in_and_out(stage: Stage, visit: Visit) -> None:
    officer = visit(language="en")
    officer.goes_to("/alerts")
    officer.is_at("/sign-in")
    officer.fills("Name", "officer")
    officer.fills("Password", PASSWORD)
    officer.presses("Sign in")
    officer.is_at("/alerts")
    assert officer.barriers() == []
    officer.presses("Sign out")
    officer.is_at("/sign-in")


def test_what_a_page_may_not_do_is_noticed(stage: Stage, visit: Visit) -> None:
    officer = visit("officer", dark=True)
    officer.goes_to("/alerts")
    with officer.context.expect_event("weberror"):
        officer.page.evaluate(
            """() => {
                const image = document.createElement("img");
                image.src = "http://127.0.0.2/x.png";
                document.body.append(image);
                document.body.insertAdjacentHTML("beforeend", "<p style='color: red'>x</p>");
                setTimeout(() => { throw new Error("thrown on purpose"); });
            }"""
        )
    officer.goes_to("/alerts/Z99", status=404)
    told = "\n".join(officer.watch.offences)
    assert "thrown on purpose" in told
    assert "Content Security Policy" in told
    assert "policy violated: img-src by http://127.0.0.2" in told
    assert "policy violated: style-src-attr by inline" in told
    assert "status of 404" in told
    officer.watch.forgives("")
