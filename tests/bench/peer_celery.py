"""The same messages through Celery, as its first steps show; run by .venv-bench.

    python peer_celery.py PORT MESSAGES

A task a message, one prefork worker of 8 processes, each with one httpx client. The broker is
Redis (`redis-server` must be installed) as it is shipped: a cut of power loses what is in it, which
neither alertd nor procrastinate allows. Results aren't kept: the gateway counts what came. Prints
JSON: seconds and how many came.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import celery
import httpx

TEXT = (
    "【余姚市防指】台风红色预警:今日18时起12级以上大风,请立即转移危房、低洼地带人员,"
    "逐户叫应。收到回复1,完成回复2,求助回复3。[A7]"
)
_PROCESSES = 8
_STUCK_S = 300

app = celery.Celery("peer_celery", broker=os.environ.get("PEER_BROKER", "memory://"))
app.conf.task_ignore_result = True
app.conf.broker_connection_retry_on_startup = True
_client = httpx.Client(timeout=60)


@app.task(name="send")
def send(port: int, delivery: int, to: str, text: str) -> None:
    """One message."""
    body = {"delivery": delivery, "to": to, "text": text}
    _client.post(f"http://127.0.0.1:{port}/messages", json=body).raise_for_status()


def main(port: int, many: int) -> dict[str, float]:
    """Start a broker and a worker, have everybody told, end both."""
    with tempfile.TemporaryDirectory() as folder:
        redis = _broker(Path(folder))
        worker = subprocess.Popen(
            [
                *(sys.executable, "-W", "ignore", "-m", "celery", "-A", "peer_celery", "worker"),
                *(f"--concurrency={_PROCESSES}", "--loglevel=ERROR", "--without-mingle"),
            ],
            cwd=Path(__file__).parent,
            stdout=subprocess.DEVNULL,
        )
        try:
            _tell(port, 1)
            _until(port, 1)  # it works: the time counts from here
            began = time.perf_counter()
            _tell(port, many)
            _until(port, many + 1)
            took = time.perf_counter() - began
        finally:
            worker.terminate()
            worker.wait(30)
            redis.terminate()
            redis.wait(30)
    return {"seconds": took, "sent": many}


def _tell(port: int, many: int) -> None:
    with app.producer_pool.acquire(block=True) as producer:
        for n in range(many):
            send.apply_async((port, n, f"+8613{n:09d}", TEXT), producer=producer)


def _until(port: int, taken: int) -> None:
    stuck = time.monotonic() + _STUCK_S
    while int(httpx.get(f"http://127.0.0.1:{port}/taken").text) < taken:
        if time.monotonic() > stuck:
            raise SystemExit("Celery is stuck")
        time.sleep(0.02)


def _broker(folder: Path) -> "subprocess.Popen[bytes]":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    server = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL)
    os.environ["PEER_BROKER"] = app.conf.broker_url = f"redis://127.0.0.1:{port}/0"
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.02)
        else:
            return server


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))) + "\n")
