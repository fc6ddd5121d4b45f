"""An HTTP client for a provider: its answers have an end, and its key goes to nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2

from transcriber.core.verdicts import FileFailure
from transcriber.providers import ProviderUnusableError
from transcriber.providers.openai_answers import MOST_UNREADABLE_ANSWERS

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

# Hours of words with their times fit in a tenth of it.
LONGEST_ANSWER_BYTES = 64 * 1024 * 1024


class LimitedBody(httpx2.AsyncByteStream):
    """A body that ends with a `FileFailure` where it grows too long."""

    def __init__(self, body: httpx2.AsyncByteStream) -> None:
        """Take the body as it arrives."""
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield what arrives."""
        size = 0
        async for chunk in self._body:
            size += len(chunk)
            if size > LONGEST_ANSWER_BYTES:
                raise FileFailure(
                    "the provider's answer is longer than any transcript",
                    permanent=False,
                    most_attempts=MOST_UNREADABLE_ANSWERS,
                )
            yield chunk

    async def aclose(self) -> None:
        """Close the connection, or give it back."""
        await self._body.aclose()


async def limit_body(response: httpx2.Response) -> None:
    """Limit the body of an answer before it is read."""
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = LimitedBody(response.stream)


def client(ssl_context: ssl.SSLContext) -> httpx2.AsyncClient:
    """Open a client that follows no redirect, because the API key would follow."""
    try:
        return httpx2.AsyncClient(
            verify=ssl_context,
            follow_redirects=False,
            # A compressed body could grow a thousandfold behind the limit.
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [limit_body]},
        )
    except (httpx2.InvalidURL, ValueError, ImportError) as error:
        raise ProviderUnusableError(
            "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY holds no address of an HTTP proxy: correct or"
            " unset it."
        ) from error
