"""`python -m tests.contract.twilio_peer`: a stub of Twilio's API, to try the routes by hand.

It prints a route's settings and what it takes. Each SMS arrives and is answered by 1; in each call
1 is pressed.
"""

import argparse
import asyncio
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from tests.contract.twilio_stub import ACCOUNT, OUR_NUMBER, TOKEN, Made, TwilioStub, post_form


async def answer(peer: TwilioStub, made: Made) -> None:
    """What Twilio would post about it."""
    to = made.form["To"]
    if "Twiml" in made.form:
        told = ET.fromstring(made.form["Twiml"])  # noqa: S314 - alertd's own
        gather, end_url = told.find("Gather"), told.findtext("Redirect")
        await peer.call_progress(made, "in-progress")
        form = {"CallSid": made.sid, "To": to, "CallStatus": "in-progress"}
        if gather is not None:
            pressed = await post_form(gather.get("action", ""), {**form, "Digits": "1"})
            print(f"  key 1: {pressed}", flush=True)
        elif end_url is not None:  # a call for help: nothing is asked
            print(f"  heard: {await post_form(end_url, form)}", flush=True)
        ended = await peer.call_progress(made, "completed", CallDuration="15")
        print(f"  completed: {ended}", flush=True)
        return
    print(f"  delivered: {await peer.call_back(made, 'delivered')}", flush=True)
    status = urlsplit(made.form["StatusCallback"])
    inbound = status._replace(path=status.path.replace("/status", "/inbound"), query="").geturl()
    form = {"MessageSid": f"{made.sid}r", "From": to, "To": OUR_NUMBER, "Body": "1"}
    print(f"  answer 1: {await post_form(inbound, form)}", flush=True)


async def serve(port: int) -> None:
    """Take messages and calls until the process is ended."""
    peer, under_way = TwilioStub(), set[asyncio.Task[None]]()

    def took(made: Made) -> None:
        print(made.sid, made.form.get("Body") or made.form.get("Twiml"), flush=True)
        task = asyncio.create_task(answer(peer, made))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    peer.on_made = took
    peer.port = port
    await peer.start()
    options = {"type": "twilio", "account_sid": ACCOUNT, "auth_token": TOKEN, "from": OUR_NUMBER}
    for option, value in {**options, "base_url": f"http://127.0.0.1:{peer.port}"}.items():
        print(f'{option} = "{value}"', flush=True)
    print('# or, for calls: type = "twilio-voice"', flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8901)
    asyncio.run(serve(parser.parse_args().port))
