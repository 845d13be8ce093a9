"""What a job prints is handed on once, whatever becomes of the connection."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import ray
from aiohttp import web

from rl_cluster.errors import ClusterError
from rl_cluster.operations import jobs as jobs_module
from rl_cluster.operations.jobs import Jobs

PIECES = ["iteration 1\n", "iter", "ation 2\n"]


class Dashboard:
    """Of one job, which is over when its output has been told to its end.

    Args:
        breaks: After how many pieces of the output the connections break; the next one goes on to the end.
    """

    def __init__(self, breaks: Sequence[int]) -> None:
        self._breaks, self._is_over = list(breaks), False

    async def version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": "4", "ray_version": ray.__version__, "ray_commit": ""})

    async def job(self, _: web.Request) -> web.Response:
        status = "SUCCEEDED" if self._is_over else "RUNNING"
        return web.json_response({"type": "SUBMISSION", "entrypoint": "x", "status": status, "driver_exit_code": 0})

    async def tail(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if self._breaks:
            for piece in PIECES[: self._breaks.pop(0)]:
                await socket.send_str(piece)
            assert request.transport
            request.transport.close()
            return socket
        for piece in ["".join(PIECES[:2]), *PIECES[2:]]:  # cut elsewhere than before
            await socket.send_str(piece)
        self._is_over = True
        return socket


@contextmanager
def _served(dashboard: Dashboard) -> Iterator[str]:
    """Its URL."""
    loop, urls = asyncio.new_event_loop(), list[str]()
    is_ready = threading.Event()

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/api/version", dashboard.version)
        app.router.add_get("/api/jobs/job", dashboard.job)
        app.router.add_get("/api/jobs/job/logs/tail", dashboard.tail)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        urls.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        is_ready.set()
        return runner

    def serve() -> None:
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    assert is_ready.wait(10.0)
    yield urls[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@pytest.mark.parametrize("breaks", [[], [0], [1], [2], [3, 1], [2, 3]])
def test_follow__hands_each_character_on_once(breaks: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "POLL_S", 0.01)
    written: list[str] = []

    with _served(Dashboard(breaks)) as url:
        exit_code = Jobs(url).follow("job", written.append)

    assert "".join(written) == "".join(PIECES)
    assert exit_code == 0


def test_follow__refuses_what_is_no_name_of_a_job() -> None:
    with _served(Dashboard([])) as url:
        jobs = Jobs(url)
        for name in ("?x=1", "../version", "job/logs"):
            with pytest.raises(ClusterError, match=r"this is not the name of a job"):
                jobs.follow(name, print)
            with pytest.raises(ClusterError, match=r"this is not the name of a job"):
                jobs.stop(name)
