"""A page of another origin, as a user of the console might open it, and what it asks for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from playwright.async_api import CDPSession, Page, async_playwright

from tests.fakes.need import program
from tests.fakes.patience import until

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")

ATTACK = """
([url, method, mode, body]) => {
  const headers = body && mode === "cors" ? {"content-type": "application/json"} : {};
  fetch(url, {method, mode, headers, body, credentials: "include"}).catch(() => {});
}
"""


class Attacker:
    """The page in a real browser, and what servers answered it on the wire.

    That is more than the page may see, and it proves that a request has reached its server.
    """

    def __init__(self, page: Page, session: CDPSession) -> None:
        self._page = page
        self._session = session
        self._urls: dict[str, str] = {}
        self._statuses: dict[str, int] = {}
        self._tasks: set[asyncio.Task[object]] = set()

    async def open(self, url: str) -> None:
        """Open the page."""
        self._session.on("Network.requestWillBeSent", self._asked)
        self._session.on("Network.responseReceivedExtraInfo", self._answered)
        self._session.on("Fetch.requestPaused", self._goes_on)
        self._session.on("Fetch.authRequired", self._no_password)
        await self._session.send("Network.enable")
        await self._session.send(
            "Fetch.enable", {"handleAuthRequests": True, "patterns": [{"urlPattern": "*"}]}
        )
        await self._page.goto(url)

    def _goes_on(self, event: dict[str, Any]) -> None:
        self._send("Fetch.continueRequest", {"requestId": event["requestId"]})

    def _no_password(self, event: dict[str, Any]) -> None:
        """Answer for the user, whom the browser asks for a password at a 401."""
        answer = {"response": "CancelAuth"}
        self._send(
            "Fetch.continueWithAuth",
            {"requestId": event["requestId"], "authChallengeResponse": answer},
        )

    def _send(self, method: str, parameters: dict[str, Any]) -> None:
        task = asyncio.ensure_future(self._session.send(method, parameters))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _asked(self, event: dict[str, Any]) -> None:
        self._urls[event["requestId"]] = event["request"]["url"]

    def _answered(self, event: dict[str, Any]) -> None:
        self._statuses[event["requestId"]] = event["statusCode"]

    def _answers(self, url: str) -> list[int]:
        """Return what the server answered, also to the browser's own question (preflight)."""
        return [status for known, status in self._statuses.items() if self._urls.get(known) == url]

    async def ask(self, url: str, method: str, body: str | None) -> list[int]:
        """Send a request in both ways that a page has; return each answer's status."""
        before = len(self._answers(url))
        for count, mode in enumerate(("no-cors", "cors"), start=before):
            await self._page.evaluate(ATTACK, [url, method, mode, body])
            await until(
                lambda count=count: len(self._answers(url)) > count,
                seconds=5,
                why=f"{method} {url} is answered ({mode})",
            )
        return self._answers(url)[before:]


@contextlib.asynccontextmanager
async def attacker() -> AsyncIterator[Attacker]:
    """Open a page of another origin on this machine."""
    with server() as (url, _):
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=program("chromium"), args=ARGUMENTS
            )
            page = await browser.new_page()
            found = Attacker(page, await page.context.new_cdp_session(page))
            await found.open(url)
            yield found
            await browser.close()


@contextlib.contextmanager
def server() -> Iterator[tuple[str, list[str]]]:
    """A server that refuses nothing; its address, and the bodies that were posted to it."""
    posted: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["content-length"])).decode())
            self._answer()

        def _answer(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<p>a page of somebody else")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}/", posted
        finally:
            listening.shutdown()
            thread.join()
