"""The recordings' host and a moody provider, in a process that ends with its owner.

    python -m tests.system.chaos.servers CALLS SEED LONG_SECONDS

The process prints its port. On standard input it reads who is away from now on: `host`, `provider`
or `nobody`. It writes a line of JSON to the file CALLS for each call that it
received as a whole, also if the caller no longer lives to hear the answer, because a provider bills
such a call. The content tells for which file a call is, since every recording carries its number.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.support import speech

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Mapping
    from typing import TextIO

MP3 = speech.mp3(speech.samples("librivox_0880")[:8000])

# One of a hundred files does not exist, one is a login page, and the provider refuses one.
GONE, NOT_AUDIO, REFUSED = 7, 13, 29

LATENCY_SECONDS = (0.05, 0.4)
LONG_SHARE = 0.01

# How calls end, and the share that ends so. The rest succeeds.
MOODS = {
    "throttled": 0.05,
    "throttled with retry-after": 0.05,
    "server error": 0.03,
    "bad gateway": 0.02,
    "hangs, then closes": 0.01,
    "closes": 0.01,
    "truncated": 0.01,
}
MARK = re.compile(rb"TAGfile (\d+)\0")


def recording(number: int) -> bytes:
    """Return a recording with sound and its number, so that it is unlike all others."""
    return speech.tagged(MP3, f"file {number}")


class Servers:
    """Both servers behind one port."""

    def __init__(self, calls: TextIO, seed: str, long_seconds: float) -> None:
        """Take the file for the calls, the seed, and how many seconds a long call takes."""
        self._calls = calls
        self._seed = seed
        self._long_seconds = long_seconds
        self._calls_by_file: Counter[int] = Counter()
        self.away = "nobody"

    async def connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                began = time.time()
                headers = dict(re.findall(r"(?m)^([\w-]+): (.*)\r$", head.lower()))
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if head.startswith("GET"):
                    number = int(re.findall(r"/(\d+)\.mp3", head)[0])
                    answer = self._page(number)
                else:
                    key = headers["authorization"].removeprefix("bearer ")
                    answer = await self._call(body, key, began)
                if not answer:
                    return
                writer.write(answer)
                await writer.drain()

    def _page(self, number: int) -> bytes:
        if self.away == "host":
            return http(503, b"away", "text/plain")
        if number % 100 == GONE:
            return http(404, b"no such page", "text/plain")
        if number % 100 == NOT_AUDIO:
            return http(200, b"<!doctype html><title>Log in</title>", "text/html")
        return http(200, recording(number), "audio/mpeg")

    async def _call(self, body: bytes, key: str, began: float) -> bytes:
        marks = MARK.findall(body)
        number = int(marks[0])
        if self.away == "provider":
            call = {"file": number, "key": key, "began": began, "ended": time.time()}
            self._calls.write(json.dumps({**call, "outcome": "away"}) + "\n")
            return refusal(503)
        self._calls_by_file[number] += 1
        # The n-th call for a file ends in the same way in every run with this seed.
        dice = random.Random(f"{self._seed} {number} {self._calls_by_file[number]}")
        outcome = "refused" if number % 100 == REFUSED else _mood(dice)
        latency = dice.uniform(*LATENCY_SECONDS)
        if outcome == "success" and dice.random() < LONG_SHARE:
            latency = self._long_seconds
        await asyncio.sleep(latency)
        call = {"file": number, "key": key, "began": began, "ended": time.time()}
        self._calls.write(json.dumps({**call, "outcome": outcome}) + "\n")
        if outcome == "hangs, then closes":
            await asyncio.sleep(self._long_seconds)
        return answer_of(outcome, number, dice)


def answer_of(outcome: str, number: int, dice: random.Random) -> bytes:
    """Return the provider's bytes, or no bytes if it closes the connection."""
    text = json.dumps({"text": f"file {number}"}).encode()
    answers = {
        "success": http(200, text),
        "truncated": http(200, text[: len(text) // 2]),
        "throttled": refusal(429),
        "throttled with retry-after": refusal(429, {"Retry-After": str(dice.randint(1, 2))}),
        "server error": refusal(dice.choice((500, 503))),
        "bad gateway": http(502, b"<html>bad gateway</html>", "text/html"),
        "refused": refusal(400),
    }
    return answers.get(outcome, b"")


def _mood(dice: random.Random) -> str:
    point = dice.random()
    for outcome, share in MOODS.items():
        point -= share
        if point < 0:
            return outcome
    return "success"


def http(
    status: int,
    body: bytes,
    media_type: str = "application/json",
    headers: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the bytes of an answer."""
    fields = {"Content-Type": media_type, "Content-Length": len(body), **(headers or {})}
    lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def refusal(status: int, headers: Mapping[str, Any] | None = None) -> bytes:
    """Return an error as OpenAI words it."""
    error = {"message": "no", "type": "server_error", "param": None, "code": "some_code"}
    return http(status, json.dumps({"error": error}).encode(), headers=headers)


async def main(path: str, seed: str, long_seconds: str) -> None:
    """Serve until standard input ends, because it ends with the owner."""
    with open(path, "a", buffering=1) as calls:  # noqa: PTH123, ASYNC230
        servers = Servers(calls, seed, float(long_seconds))
        server = await asyncio.start_server(servers.connected, "127.0.0.1", backlog=1024)
        print(server.sockets[0].getsockname()[1], flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            servers.away = line.strip()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
