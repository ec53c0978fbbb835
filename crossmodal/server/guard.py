"""What every request passes: who may ask, how much may be sent, and what a browser may do with the answer. Plain ASGI, for its speed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from crossmodal.server.settings import Settings, is_loopback

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
    b"cache-control": b"no-store",
}
_OPEN = frozenset({"/api/health"})  # for whoever watches over the server; it tells nothing


class TornError(Exception):
    """A body that is larger, or takes longer, than it may."""


@dataclass
class _Torn:
    """What a body is answered with of which no more is read, (status, why), and whether that was done."""

    answer: tuple[int, str] | None = None
    told: bool = False


class Guard:
    """Wraps an application: token and origin are checked, bodies are capped, security headers are added."""

    def __init__(self, application: Application, *, settings: Settings) -> None:
        self._application, self._settings = application, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        secured = _secured(send, keeps=not scope["path"].startswith("/api/"))
        refused = self._refused(scope, headers)
        if refused is not None:
            await _answer(secured, *refused)
            return
        token = self._settings.token
        # An address with another token than this server's lets nobody in; who is in already stays.
        if token is not None and (shown := self._entering(scope)) is not None and _same(shown, token):
            await _enter(secured, token)
            return
        if scope["method"] == "HEAD" and scope["path"].startswith("/api/"):  # routes know GET alone
            scope, secured = {**scope, "method": "GET"}, _headless(secured)
        torn = _Torn()

        async def noting(message: Message) -> None:
            if torn.told:
                return
            if torn.answer and message["type"] == "http.response.start":  # whatever was made of the torn body
                torn.told = True
                await _answer(secured, *torn.answer)
                return
            await secured(message)

        await self._application(scope, self._capped(receive, torn), noting)

    def _refused(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """(status, why) of a request that is not let in."""
        host = headers.get("host", "")
        name = host if host.startswith("[") and host.endswith("]") else host.rpartition(":")[0] or host
        if self._settings.token is None and not is_loopback(name.strip("[]").lower()):
            return 403, f"expected a request to this machine by its own name, got Host: {name[:100]!r}; use 127.0.0.1"
        origin = headers.get("origin")
        if origin and scope["method"] not in ("GET", "HEAD") and urlsplit(origin).netloc.lower() != host.lower():
            return 403, "expected a request from this server's own page, got one from another site"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._settings.most_bytes:
            return 413, self._too_large()
        if self._settings.token is not None and scope["path"] not in _OPEN and not self._known(scope, headers):
            return (
                401,
                "expected the token that the server printed when it began; open the address with it, or send Authorization: Bearer",
            )
        return None

    def _known(self, scope: Scope, headers: dict[str, str]) -> bool:
        shown = [headers.get("authorization", "").removeprefix("Bearer "), self._entering(scope) or ""]
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(cookie_of(self._settings.token or ""))
        except CookieError:
            morsel = None
        shown.append(morsel.value if morsel else "")
        return any([_same(one, self._settings.token or "") for one in shown])

    @staticmethod
    def _entering(scope: Scope) -> str | None:
        """The token of an address that opens the page with it; it becomes a cookie, so that it does not stay in the address."""
        if scope["path"] != "/" or scope["method"] != "GET":
            return None
        return next(iter(parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])), None)

    def _capped(self, receive: Receive, torn: _Torn) -> Receive:
        seen, whole = 0, False
        end = asyncio.get_running_loop().time() + self._settings.upload_seconds

        async def counted() -> Message:
            nonlocal seen, whole
            if whole:
                return await receive()  # waits for whoever asked to go away
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError:
                torn.answer = 408, self._too_slow()
                raise TornError from None
            seen += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if seen > self._settings.most_bytes:
                torn.answer = 413, self._too_large()
                raise TornError
            return message

        return counted

    def _too_slow(self) -> str:
        return f"expected all of it within {self._settings.upload_seconds:g} s, got a part; send a shorter or compressed file"

    def _too_large(self) -> str:
        return f"expected at most {self._settings.most_bytes / 1e6:g} MB, got more; send a shorter or compressed file"


def _secured(send: Send, *, keeps: bool) -> Send:
    """Adds the headers. keeps: a browser may keep the answer, if it asks each time whether it is still the same."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message.get("headers", [])}
            added = [(name, value) for name, value in HEADERS.items() if name not in present]
            if keeps:
                added = [(name, b"no-cache" if name == b"cache-control" else value) for name, value in added]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return sent


def _headless(send: Send) -> Send:
    """An answer without its body."""

    async def sent(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return sent


def _same(shown: str, token: str) -> bool:
    return hmac.compare_digest(shown.encode("utf-8", "replace"), token.encode())


def cookie_of(token: str) -> str:
    """The name of the cookie that holds a token. Browsers send one server's cookies to all ports of a machine: each token has its own."""
    return f"crossmodal_{hashlib.sha256(token.encode()).hexdigest()[:12]}"


async def _answer(send: Send, status: int, error: str) -> None:
    body = json.dumps({"error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status in (408, 413):
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _enter(send: Send, token: str) -> None:
    cookie = f"{cookie_of(token)}={token}; Path=/; HttpOnly; SameSite=Strict"
    headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
