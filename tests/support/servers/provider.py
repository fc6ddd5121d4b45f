"""A server on loopback that speaks OpenAI's transcription API, and fails as a test tells it."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any

from tests.support.servers.web import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.support.servers.web import Handler


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, sent after `delay` seconds; a body that is not bytes is sent as JSON."""

    status: int = 200
    body: bytes | Mapping[str, Any] = field(default_factory=lambda: {"text": "hello"})
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay: float = 0.0


def refusal(status: int, code: str = "some_code", **headers: str) -> Answer:
    """Return an error as OpenAI words it; `retry_after="2"` becomes the header Retry-After."""
    return Answer(
        status,
        {"error": {"message": "no", "type": "server_error", "param": None, "code": code}},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


@dataclass
class Request:
    """An upload: the form's fields, the file's name, type and bytes, and the API key."""

    fields: dict[str, list[str]]
    filename: str
    media_type: str
    content: bytes
    key: str


class SpeechServer:
    """The requests that the server has received, and the answer that it gives next."""

    def __init__(self) -> None:
        """Answer every request with success until `answer` is replaced."""
        self.base_url = ""
        self.requests: list[Request] = []
        # The arguments are the number of the request, which begins at 0, and the request.
        self.answer: Callable[[int, Request], Answer] = lambda _number, _request: Answer()
        self._lock = threading.Lock()

    def answer_with(self, *answers: Answer) -> None:
        """Give these answers in turn, and the last one to every request after that."""
        self.answer = lambda number, _request: answers[min(number, len(answers) - 1)]

    def hold_answers(
        self, answer: Callable[[Request], Answer] = lambda _: Answer(), *, key: str | None = None
    ) -> threading.Event:
        """Keep answers back, or only those to the worker with this key, until the event is set."""
        may_answer = threading.Event()

        def held(_number: int, request: Request) -> Answer:
            if key in {None, request.key}:
                may_answer.wait(60)
            return answer(request)

        self.answer = held
        return may_answer

    def page(self, handler: Handler) -> None:
        """Serve one request."""
        headers = handler.headers
        body = handler.rfile.read(int(headers["Content-Length"]))
        head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        request = _request(head + body, headers.get("Authorization", ""))
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
        answer = self.answer(number, request)
        time.sleep(answer.delay)
        content = answer.body
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        # The client may have been stopped meanwhile, or may have closed the connection.
        with contextlib.suppress(OSError):
            handler.answer(
                answer.status, {"Content-Type": answer.content_type, **answer.headers}, content
            )


@contextlib.contextmanager
def speech_server() -> Iterator[SpeechServer]:
    """Serve until the block ends."""
    speech = SpeechServer()
    with serving({"/v1/audio/transcriptions": speech.page}) as web:
        speech.base_url = web.url("/v1")
        yield speech


def _request(message: bytes, authorization: str) -> Request:
    request = Request({}, "", "", b"", authorization.removeprefix("Bearer "))
    for part in BytesParser(policy=HTTP).parsebytes(message).iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if part.get_filename():
            request.filename = str(part.get_filename())
            request.media_type = part.get_content_type()
            request.content = content
        else:
            name = str(part.get_param("name", header="content-disposition"))
            request.fields.setdefault(name, []).append(content.decode())
    return request
