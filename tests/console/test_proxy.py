"""The console behind nginx with TLS, as the guide has it: streams, addresses, cookies, origins."""

import asyncio
import re
import ssl
import subprocess
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
import structlog

from dexwatch.console.config import ConsoleConfig
from dexwatch.console.site import build_site
from dexwatch.rules.registry import ALERTS
from dexwatch.storage.sessions import SqlSessionStore
from dexwatch.storage.store import open_store
from tests.fakes import need
from tests.fakes.console import PASSWORD, seed, serving, users, web
from tests.fakes.hostile import Alertmanager, Prometheus, token_of
from tests.fakes.patience import until

NAME = "watch.example.com"
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "behind-a-proxy.md"


def certificate(folder: Path) -> None:
    """Write a certificate for the console's name, signed by itself."""
    command = [
        *(need.program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"),
        *("-keyout", str(folder / "watch.key"), "-out", str(folder / "watch.crt")),
    ]
    subprocess.run(command, check=True, capture_output=True)


def configuration(folder: Path, *, listen: int, console: int) -> Path:
    """Write the guide's own server block with this test's ports and files."""
    block = re.search(r"```nginx\n(.*?)```", GUIDE.read_text(), re.DOTALL)[1]
    for old, new in {
        "listen 443": f"listen 127.0.0.1:{listen}",
        "http://127.0.0.1:8900": f"http://127.0.0.1:{console}",
        "/etc/ssl": str(folder),
    }.items():
        assert old in block
        block = block.replace(old, new)
    temporary = "".join(
        f"  {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\n"
        f"error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\n  access_log off;\n{temporary}{block}}}\n"
    )
    return file


@pytest.fixture
async def behind(tmp_path):
    """Yield the console's address behind nginx, and the source that it looks at."""
    nginx = need.program("nginx", Path("/usr/sbin"))
    listen, port = need.free_port(), need.free_port()
    certificate(tmp_path)
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'dexwatch.sqlite'}")
    await seed(store)
    prometheus = Prometheus()
    site = build_site(
        ConsoleConfig(
            port=port,
            public_url=f"https://{NAME}:{listen}",
            users_file=users(tmp_path),
            trusted_proxies=(ip_network("127.0.0.1"),),
        ),
        store=store,
        sessions=SqlSessionStore(store.database),
        prometheus=prometheus,
        alertmanager=Alertmanager(),
        alert_rules=ALERTS,
        vendor=web(),
    )
    file = configuration(tmp_path, listen=listen, console=port)
    async with serving(site, port):
        child = await asyncio.create_subprocess_exec(
            nginx, "-p", str(tmp_path), "-c", str(file), stderr=asyncio.subprocess.DEVNULL
        )
        try:

            async def listens() -> bool:
                async with client(listen, tmp_path) as asked:
                    try:
                        return (await asked.get("/healthz")).status_code == 200
                    except httpx.TransportError:
                        return False

            await until(listens, why="nginx passes requests on")
            yield listen, port, tmp_path, prometheus
        finally:
            child.terminate()
            await asyncio.wait_for(child.wait(), 10)
    await store.close()


def client(listen: int, folder: Path, **more: str) -> httpx.AsyncClient:
    """Return a browser that knows the certificate, and finds the name on this machine."""
    trusted = ssl.create_default_context(cafile=str(folder / "watch.crt"))
    transport = httpx.AsyncHTTPTransport(verify=trusted)

    class Here(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            here = httpx.Request(
                request.method,
                request.url.copy_with(host="127.0.0.1"),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": NAME},
            )
            return await transport.handle_async_request(here)

        async def aclose(self) -> None:
            await transport.aclose()

    origin = f"https://{NAME}:{listen}"
    headers = {"origin": origin, "sec-fetch-site": "same-origin", **more}
    return httpx.AsyncClient(transport=Here(), base_url=origin, headers=headers, timeout=10)


async def sign_in(asked: httpx.AsyncClient, password: str = PASSWORD) -> httpx.Response:
    page = await asked.get("/sign-in")
    fields = {"name": "ana", "password": password, "form_token": token_of(page), "back": "/alerts"}
    return await asked.post("/sign-in", data=fields)


async def test_signing_in_sets_secure_cookies_of_this_host_alone(behind):
    listen, _, folder, _ = behind
    async with client(listen, folder) as asked:
        answer = await sign_in(asked)
        assert (answer.status_code, answer.headers["location"]) == (303, "/alerts")
        for cookie in answer.headers.get_list("set-cookie"):
            assert cookie.startswith("__Host-dexwatch")
            assert "Secure" in cookie
            assert "HttpOnly" in cookie
            assert "Path=/" in cookie
            assert "Domain" not in cookie
        page = await asked.get("/alerts")
        assert page.status_code == 200
        assert "max-age" in page.headers["strict-transport-security"]


async def test_only_pages_of_the_public_address_change_anything(behind):
    listen, port, folder, _ = behind
    for origin in (f"https://{NAME}", f"http://{NAME}:{listen}", "https://evil.example"):
        async with client(listen, folder, origin=origin) as asked:
            assert (await sign_in(asked)).status_code == 403
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as direct:
        assert (await direct.post("/sign-in", data={})).status_code == 403


async def test_failures_count_for_the_address_that_the_proxy_tells(behind):
    """Here the client is a trusted address itself, as a second proxy would be."""
    listen, _, folder, _ = behind
    with structlog.testing.capture_logs() as lines:
        async with client(listen, folder, **{"x-forwarded-for": "203.0.113.9"}) as asked:
            assert (await sign_in(asked, "wrong")).status_code == 401
    (refused,) = (line for line in lines if line["event"] == "sign_in_refused")
    assert refused["address"] == "203.0.113.9"


async def test_a_stream_comes_through_unbuffered(behind):
    listen, _, folder, prometheus = behind
    async with client(listen, folder) as asked:
        await sign_in(asked)
        headers = {"accept": "text/event-stream"}
        async with asyncio.timeout(20), asked.stream("GET", "/stream", headers=headers) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            text = ""
            async for part in stream.aiter_text():
                text += part
                if "event: status" in text and not prometheus.broken:
                    # What happens now must arrive while the stream stays open.
                    prometheus.broken, text = True, ""
                if "Prometheus does not answer" in text:
                    break
            else:
                pytest.fail("the stream ended")
