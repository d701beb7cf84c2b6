"""Why no connection came about: real certificates and real sockets, and what is said of them."""

import asyncio
import socket
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from dexwatch.clients.unreachable import why
from dexwatch.notifiers import http
from dexwatch.notifiers.email.dialogue import SmtpError, connect
from tests.fakes import need
from tests.notifiers.case import CASES


def certificate(folder: Path, *, names: str, days: int) -> None:
    """Write a certificate, signed by itself, that lasts for so many days."""
    openssl = need.program("openssl")
    (folder / "names").write_text(f"subjectAltName={names}\n")
    key, asked = folder / "key.pem", folder / "asked.pem"
    request = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", key]
    signing = ["x509", "-req", "-signkey", key, "-days", str(days), "-extfile", folder / "names"]
    for command in ([*request, "-out", asked], [*signing, "-in", asked, "-out", folder / "crt"]):
        subprocess.run([openssl, *map(str, command)], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("names", "days", "trusted", "said"),
    [
        ("IP:127.0.0.1", -1, True, "certificate has expired: renew it"),
        ("DNS:other.example", 2, True, "certificate is for another name: check the address"),
        ("IP:127.0.0.2", 2, True, "certificate is for another name: check the address"),
        ("IP:127.0.0.1", 2, False, "certificate is not trusted: add who signed it"),
    ],
)
async def test_what_is_wrong_with_a_certificate_is_told_with_its_remedy(
    tmp_path: Path, names: str, days: int, trusted: bool, said: str
) -> None:
    certificate(tmp_path, names=names, days=days)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(tmp_path / "crt", tmp_path / "key.pem")
    trust = ssl.create_default_context(cafile=tmp_path / "crt" if trusted else None)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=own)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx.AsyncClient(verify=trust, trust_env=False) as client:
        with pytest.raises(httpx.ConnectError) as error:
            await client.get(f"https://127.0.0.1:{port}/")
        assert said in http.failed(error.value).detail
        mail = CASES["email"].config(f"smtp://127.0.0.1:{port}").model_copy(update={"tls": "tls"})
        with pytest.raises(SmtpError) as refused:
            await connect(mail, trust)
        assert said in refused.value.result.detail


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(-2, "sesame"), "its name is not known: check the address"),
        (ConnectionRefusedError("sesame"), "nothing listens there: check address and port"),
        (ConnectionResetError("sesame"), "it hangs up: check address and port"),
        (TimeoutError("sesame"), "it does not answer: check address, port, firewall and DNS"),
        (ssl.SSLError("sesame"), "it does not speak TLS there"),
        (OSError("sesame"), "OSError"),
    ],
)
def test_the_first_cause_is_told_and_never_a_foreign_text(error: OSError, said: str) -> None:
    outer = httpx.ConnectError("sesame")
    outer.__cause__ = error
    assert said.replace("OSError", "ConnectError") in why(outer)
    assert "sesame" not in why(outer)


def test_errors_that_name_each_other_end() -> None:
    one, other = OSError(), OSError()
    one.__context__, other.__context__ = other, one
    assert why(one) == "OSError"


def test_both_families_of_addresses_may_have_refused() -> None:
    outer = httpx.ConnectError("sesame")
    outer.__cause__ = ExceptionGroup("sesame", [ConnectionRefusedError(), ConnectionRefusedError()])
    assert why(outer) == "nothing listens there: check address and port"
