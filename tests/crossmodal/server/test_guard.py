"""Who may ask, how much may be sent, and what a browser may do with the answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from crossmodal.server.app import create_app
from crossmodal.server.guard import HEADERS, Guard, Message, Receive, Scope, Send, TornError, cookie_of
from crossmodal.server.settings import Settings, is_loopback
from tests.crossmodal.server.conftest import HOST

TOKEN = "a-long-enough-token"


@pytest.mark.parametrize(
    "path", ["/", "/main.js", "/api/health", "/api/indexes/idx/search?text=low", "/api/nothing", "/nothing"]
)
def test_every_answer_has_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert (
        "default-src 'none'" in headers["content-security-policy"]
        and "unsafe" not in headers["content-security-policy"]
    )
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY" and "server" not in headers


@pytest.mark.parametrize(
    "path",
    ["/../app.py", "/..%2fapp.py", "/%2e%2e/app.py", "//etc/passwd", "/%2fetc%2fpasswd", "/..%5capp.py", "/page/../../app.py",
     "/api/indexes/..%2f..%2fetc/items", "/api/indexes/%2e%2e/items", "/app.py", "/%00"],
)  # fmt: skip
def test_no_path_leaves_the_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 405), (path, answer.text[:80])


def test_another_site_cannot_ask_in_a_readers_name(client: TestClient) -> None:
    files = {"file": ("a.wav", b"x")}
    foreign = client.post("/api/indexes/idx/tag", files=files, headers={"origin": "https://elsewhere.example"})
    assert foreign.status_code == 403
    same = client.post("/api/indexes/idx/tag", files=files, headers={"origin": HOST})
    assert same.status_code == 400
    for host in ("127.0.0.1:8000", "[::1]:8000", "localhost", "127.1.2.3"):
        assert client.get("/api/health", headers={"host": host}).status_code == 200
    rebound = client.get("/api/indexes", headers={"host": "elsewhere.example"})
    assert rebound.status_code == 403 and "127.0.0.1" in rebound.json()["error"]


def test_a_body_that_is_too_large_is_refused_with_and_without_its_length(client: TestClient) -> None:
    data = b"x" * 3_100_000
    told = client.post("/api/indexes/idx/tag", files={"file": ("a.wav", data)})
    assert told.status_code == 413 and "3 MB" in told.json()["error"]

    def chunks() -> Iterator[bytes]:
        yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    untold = client.post(
        "/api/indexes/idx/tag", content=chunks(), headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert untold.status_code == 413


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await never

    async def send(message: Message) -> None:
        sent.append(message)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(TornError):
            await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})

    scope: Scope = {"type": "http", "method": "POST", "path": "/api/align", "headers": [(b"host", b"127.0.0.1")]}
    asyncio.run(Guard(application, settings=Settings(upload_seconds=0.01))(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == 408 and b"within 0.01 s" in sent[1]["body"]


@pytest.fixture
def guarded(index_folder: Path) -> Iterator[TestClient]:
    with TestClient(
        create_app([index_folder], settings=Settings(token=TOKEN)), base_url="http://music.example:8000"
    ) as made:
        yield made


def test_without_the_token_nothing_is_told(guarded: TestClient) -> None:
    for path in ("/", "/main.js", "/api/indexes", "/api/ready", "/api/openapi.json"):
        answer = guarded.get(path)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer", path
    assert guarded.get("/api/health").status_code == 200
    for wrong in ("Bearer nonsense", "Bearer ", f"Basic {TOKEN}", "Bearer \u00e4\u00f6".encode()):
        assert guarded.get("/api/indexes", headers={"authorization": wrong}).status_code == 401  # type: ignore[dict-item]
    assert guarded.get("/?token=nonsense").status_code == 401


def test_the_token_opens_by_header_and_by_address(guarded: TestClient) -> None:
    assert guarded.get("/api/ready", headers={"authorization": f"Bearer {TOKEN}"}).status_code in (200, 503)
    entered = guarded.get(f"/?token={TOKEN}", follow_redirects=False)
    assert entered.status_code == 303 and entered.headers["location"] == "/"
    assert "HttpOnly" in entered.headers["set-cookie"] and "SameSite=Strict" in entered.headers["set-cookie"]
    assert guarded.cookies[cookie_of(TOKEN)] == TOKEN and guarded.get("/").status_code == 200


def test_an_old_address_logs_nobody_out_and_every_token_has_a_cookie_of_its_own(guarded: TestClient) -> None:
    guarded.get(f"/?token={TOKEN}", follow_redirects=False)
    for wrong in ("nonsense", "x%0d%0aX-Evil:%201", ""):
        answer = guarded.get(f"/?token={wrong}", follow_redirects=False)
        assert answer.status_code == 200 and "set-cookie" not in answer.headers, wrong
    assert guarded.get("/api/indexes").status_code in (200, 503)
    assert cookie_of(TOKEN) != cookie_of("another")


def test_heads_of_answers(client: TestClient) -> None:
    for path in ("/api/health", "/api/indexes/idx", "/api/indexes/idx/audio?id=track-01", "/main.js"):
        whole, head = client.get(path), client.head(path)
        assert head.status_code == whole.status_code == 200 and head.content == b"", path
        assert head.headers["content-length"] == str(len(whole.content)), path
    assert client.head("/api/indexes/nothing").status_code == 404


def test_what_nobody_foresaw_is_answered_with_the_headers_too(index_folder: Path) -> None:
    app = create_app([index_folder])

    @app.get("/api/fails", include_in_schema=False)
    def fails() -> None:
        raise RuntimeError

    app.router.routes.insert(0, app.router.routes.pop())  # before the page, which takes every other path
    with TestClient(app, base_url=HOST, raise_server_exceptions=False) as made:
        answer = made.get("/api/fails")
    assert answer.status_code == 500 and "the server's log" in answer.json()["error"]
    assert {name.decode() for name in HEADERS} <= set(answer.headers)


LOCAL = ("127.0.0.1", "127.1.2.3", "::1", "localhost")
FOREIGN = ("0.0.0.0", "::", "192.168.1.4", "music.example")


@pytest.mark.parametrize(("host", "expected"), [*((h, True) for h in LOCAL), *((h, False) for h in FOREIGN)])
def test_loopback_is_known(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
