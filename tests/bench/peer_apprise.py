"""The same messages through apprise, as its README shows; run by .venv-bench.

    python peer_apprise.py PORT MESSAGES

Prints JSON: seconds, and how many it says were sent. All URLs in one object and one `notify`,
which sends from a pool of threads: the faster of the two ways that it has.
"""

import json
import sys
import time

import apprise

TEXT = (
    "【余姚市防指】台风红色预警:今日18时起12级以上大风,请立即转移危房、低洼地带人员,"
    "逐户叫应。收到回复1,完成回复2,求助回复3。[A7]"
)


def main(port: int, many: int) -> dict[str, float]:
    """Tell everybody."""
    began = time.perf_counter()
    everybody = apprise.Apprise()
    for number in range(many):
        everybody.add(f"json://127.0.0.1:{port}/messages/13{number:09d}")
    sent = everybody.notify(title="台风红色预警", body=TEXT)
    return {"seconds": time.perf_counter() - began, "sent": bool(sent) * many}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
