"""The sample's mail server keeps, shows safely, and refuses on demand."""

from email.message import EmailMessage

import aiosmtplib
import httpx
import pytest

from dexwatch.demo.local.mailbox import Mailbox
from tests.fakes.mailbox import FailingMailbox


def mail(subject: str = "CPU <high>") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "dexwatch@example.org"
    message["To"] = "ana@example.org"
    message["Subject"] = subject
    message["Date"] = "Mon, 02 Mar 2026 08:00:00 +0000"
    message["Message-ID"] = "<one@example.org>"
    message.set_content("CPU is at 91%\n")
    message.add_alternative("<p>CPU <img src='cid:graph'><script>x</script>", subtype="html")
    html = message.get_payload()[1]
    html.add_related(b"\x89PNG", "image", "png", cid="<graph>")
    return message


async def send(box: Mailbox, message: EmailMessage, **options):
    await aiosmtplib.send(message, hostname="127.0.0.1", port=box.smtp_port, **options)


@pytest.fixture
async def box():
    async with Mailbox() as mailbox:
        yield mailbox


async def test_keeps_both_parts_and_the_inline_picture(box):
    await send(box, mail())
    (kept,) = box.messages
    assert (kept.subject, kept.recipients) == ("CPU <high>", ("ana@example.org",))
    assert kept.text.strip() == "CPU is at 91%"
    assert "<p>CPU" in kept.html
    assert list(kept.pictures) == ["graph"]


async def test_pages_escape_and_sandbox_what_the_mail_holds(box):
    await send(box, mail())
    async with httpx.AsyncClient(base_url=box.url) as client:
        index, page = await client.get("/"), await client.get("/mail/1")
        body = await client.get("/mail/1/html")
        assert (await client.get("/mail/2")).status_code == 404
    assert "CPU &lt;high&gt;" in index.text
    assert "<iframe sandbox=" in page.text
    policy = body.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "data:image/png;base64,iVBORw==" in body.text


async def test_refuses_on_demand_then_accepts():
    async with FailingMailbox() as box:
        box.refuse("451 4.3.0 busy")
        with pytest.raises(aiosmtplib.SMTPDataError) as raised:
            await send(box, mail())
        assert raised.value.code == 451
        await send(box, mail())
        assert len(box.messages) == 1


async def test_refuses_what_is_malformed(box):
    message = mail()
    del message["Date"]
    with pytest.raises(aiosmtplib.SMTPDataError) as raised:
        await send(box, message)
    assert (raised.value.code, box.messages) == (554, ())


async def test_a_taken_port_is_named(box):
    with pytest.raises(OSError, match=f"port {box.smtp_port} on 127.0.0.1 is taken"):
        async with Mailbox(box.smtp_port):
            pass
