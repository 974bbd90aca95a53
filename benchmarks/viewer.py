"""A reader of the dashboard without a browser: it speaks Streamlit's protocol and refreshes as a page does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

_LARGEST_BYTES = 64 * 2**20


async def watch(port: int, page: str, query: str, seconds: float) -> int:
    """Open a page and follow its timers for so long; how many runs of the script that were."""
    runs = 0
    timers: dict[str, asyncio.Task[None]] = {}
    async with connect(
        f"ws://127.0.0.1:{port}/_stcore/stream",
        subprotocols=[Subprotocol("streamlit")],
        origin=Origin(f"http://127.0.0.1:{port}"),
        max_size=_LARGEST_BYTES,
    ) as socket:
        rerun = partial(_rerun, socket, page, query)
        await rerun()
        try:
            async with asyncio.timeout(seconds):
                async for data in socket:
                    message = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
                    runs += message.WhichOneof("type") == "script_finished"
                    if message.WhichOneof("type") == "auto_rerun":
                        _set_timer(timers, message.auto_rerun.fragment_id, message.auto_rerun.interval, rerun)
        except TimeoutError:
            return runs
        finally:
            for timer in timers.values():
                timer.cancel()
    raise ConnectionError("the server closed the connection")


def _set_timer(
    timers: dict[str, asyncio.Task[None]], fragment: str, interval: float, rerun: Callable[[str], Awaitable[None]]
) -> None:
    if fragment in timers:
        timers[fragment].cancel()
    timers[fragment] = asyncio.create_task(_every(interval, partial(rerun, fragment)))


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await act()


async def _rerun(socket: ClientConnection, page: str, query: str, fragment: str = "") -> None:
    message = BackMsg()
    state = message.rerun_script
    state.query_string, state.page_name = query, page
    state.fragment_id, state.is_auto_rerun = fragment, bool(fragment)
    await socket.send(message.SerializeToString())
