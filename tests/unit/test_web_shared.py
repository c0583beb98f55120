"""What many ask for at once is made once, and nobody gets what was before their asking."""

import asyncio
import gzip
from pathlib import Path

from alertd.web.shared import Made, Shared, pack
from tests.unit.web_city import web_city


async def test_a_hundred_who_ask_at_once_cost_one_and_see_what_was_committed(
    tmp_path: Path,
) -> None:
    async with web_city(tmp_path) as web:
        shared, made = Shared(web.deps), []

        async def make() -> Made:
            made.append(web.runner.commits)
            await asyncio.sleep(0)
            return pack(str(web.runner.commits))

        async def asked() -> set[bytes]:
            answers = await asyncio.gather(*(shared.get("x", make) for _ in range(100)))
            assert all(gzip.decompress(each.packed) == each.plain for each in answers)
            return {each.plain for each in answers}

        before = b"%d" % web.runner.commits
        assert await asked() == {before}
        assert await asked() == {before}
        # Nothing has happened: it isn't made again, but where other processes may have committed.
        assert len(made) == (2 if web.deps.store.shared else 1)
        made.clear()
        await web.issue()
        after = b"%d" % web.runner.commits
        assert after != before
        assert min(map(int, await asked())) >= int(after)
        assert len(made) == 1
        assert (await shared.get("y", make)).plain == b"%d" % web.runner.commits
