"""A headless Chromium, driven over chromedriver's HTTP protocol (W3C WebDriver)."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.support.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # The standard gives elements this key.
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]  # fmt: skip


class Browser:
    """One session of chromedriver."""

    def __init__(self, driver_url: str, chromium: str, profile: Path) -> None:
        """Take chromedriver's address, Chromium's program, and an empty folder for its profile."""
        options = {"binary": chromium, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL"}}
        self._url = f"{driver_url}/session"
        session = self._send("", {"capabilities": {"alwaysMatch": wanted}})
        self._url += f"/{session['sessionId']}"

    def open(self, url: str) -> None:
        self._send("/url", {"url": url})

    def type(self, selector: str, text: str) -> None:
        self._send(f"/element/{self._find(selector)}/value", {"text": text})

    def click(self, selector: str) -> None:
        self._send(f"/element/{self._find(selector)}/click", {})

    def wait_for(self, text: str) -> str:
        """Wait until the page shows a text; return everything that it shows."""
        until(
            lambda: text in self._text(),
            report=lambda: f"{text!r} is not on the page: {self._text()}",
        )
        return self._text()

    def _text(self) -> str:
        return " ".join(self._send(f"/element/{self._find('body')}/text").split())

    def requested_urls(self) -> list[str]:
        """Return every URL that the browser asked for since the last call."""
        entries = self._send("/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def close(self) -> None:
        self._send("", method="DELETE")

    def _find(self, selector: str) -> str:
        return str(self._send("/element", {"using": "css selector", "value": selector})[ELEMENT])

    def _send(self, path: str, body: Any = None, method: str | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 (loopback)
            self._url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)["value"]


@contextlib.contextmanager
def running_browser(chromium: str, chromedriver: str, folder: Path) -> Iterator[Browser]:
    """Run a Chromium with its profile in a new folder, and without access to other hosts."""
    folder.mkdir()
    with subprocess.Popen([chromedriver, "--port=0"], stdout=subprocess.PIPE, text=True) as driver:
        try:
            assert driver.stdout is not None
            said = iter(driver.stdout.readline, "")
            port = next(m[1] for line in said if (m := re.search(r"on port (\d+)\.", line)))
            browser = Browser(f"http://127.0.0.1:{port}", chromium, folder)
            try:
                yield browser
            finally:
                browser.close()
        finally:
            driver.terminate()
