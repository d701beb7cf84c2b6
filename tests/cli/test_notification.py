"""`dexwatch test-notification` tries each channel for real and says what to do."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from dexwatch.cli import app
from tests.fakes.mailbox import FailingMailbox
from tests.fakes.receiver import Receiver
from tests.fakes.slack import FailingSlack, Failure, Fault

SECRET = "a-secret-of-sixteen"


@asynccontextmanager
async def receivers(
    folder: Path,
) -> AsyncIterator[tuple[FailingSlack, FailingMailbox, Receiver, Path]]:
    async with (
        FailingSlack(token=SECRET) as slack,
        FailingMailbox() as box,
        Receiver(SECRET) as hook,
    ):
        file = folder / "dexwatch.yml"
        file.write_text(
            f"""
name: ana-dex
respond: {{hook_token: a-token-that-is-long-enough}}
notify:
  slack: {{token: {SECRET}, api_url: "{slack.api_url}", channels: {{P0: "#alerts", P1: "#alerts"}}}}
  email:
    {{host: 127.0.0.1, port: {box.smtp_port}, tls: none, sender: dexwatch@example.org,
     to: {{P0: [ana@example.org, bo@example.org], P3: [bo@example.org]}}}}
  webhooks: [{{name: ops, url: "{hook.url}", secret: {SECRET}}}]
"""
        )
        yield slack, box, hook, file


async def run(*arguments: str) -> Result:
    """Run the command in a thread, so that the receivers can answer."""
    return await asyncio.to_thread(CliRunner().invoke, app, ["test-notification", *arguments])


async def test_each_recipient_of_each_channel_gets_one_marked_message(tmp_path: Path) -> None:
    async with receivers(tmp_path) as (slack, box, hook, file):
        shown = await run("-c", str(file))
        assert shown.exit_code == 0, shown.output
        assert "4 test messages of 4 delivered" in shown.output
        assert [m.channel for m in slack.messages] == ["alerts"]
        assert slack.messages[0].text.startswith("[TEST]")
        mailed = sorted(m.recipients[0] for m in box.messages)
        assert mailed == ["ana@example.org", "bo@example.org"]
        assert all(m.subject.startswith("[TEST]") for m in box.messages)
        assert all("nothing has happened" in m.text for m in box.messages)
        assert hook.received[0]["event"] == "test"


async def test_one_channel_and_one_recipient_can_be_chosen(tmp_path: Path) -> None:
    async with receivers(tmp_path) as (slack, box, hook, file):
        shown = await run("email", "--to", "cy@example.org", "-c", str(file))
        assert shown.exit_code == 0, shown.output
        assert [m.recipients for m in box.messages] == [("cy@example.org",)]
        assert not slack.messages
        assert not hook.received


async def test_what_was_not_delivered_is_reported_with_a_remedy(tmp_path: Path) -> None:
    async with receivers(tmp_path) as (slack, box, hook, file):
        slack.fail(Failure(Fault.REFUSED, error="not_in_channel"))
        box.hang_up(taken=True, times=2)
        hook.answers.append(503)
        shown = await run("-c", str(file), "--json")
        assert shown.exit_code == 1
        told = {one["channel"]: one for one in json.loads(shown.stdout)["deliveries"]}
        assert {name: one["outcome"] for name, one in told.items()} == {
            "slack": "failed",
            "email": "unknown",
            "webhook": "retryable",
        }
        assert "invite the app" in told["slack"]["detail"]
        assert all(one["remedy"] for one in told.values())
        assert SECRET not in shown.output


async def test_it_needs_a_channel_that_is_configured(tmp_path: Path) -> None:
    file = tmp_path / "dexwatch.yml"
    file.write_text("name: ana-dex\nrespond: {hook_token: a-token-that-is-long-enough}\n")
    nobody = await run("-c", str(file))
    assert nobody.exit_code == 1
    assert "no channel is configured" in nobody.output
    async with receivers(tmp_path) as (*_, file):
        unknown = await run("pigeon", "-c", str(file))
        assert unknown.exit_code == 2
        assert "slack, email, webhook" in unknown.output
