"""`dexwatch jobs`: quarantined work is shown with its reason, released or dropped, and noted."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from dexwatch.cli import app
from dexwatch.incidents.policy import Policy
from dexwatch.jobs.job import MAX_CRASHES, JobOutcome, JobResult
from dexwatch.jobs.queue import Slots
from dexwatch.response.messaging.job import NOTIFY
from dexwatch.settings import load
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import BO, POLICY, apply, fire

KEY = f"notify/INC-1/1/{BO.channel}/{BO.recipient}"
POISON = JobResult(JobOutcome.CRASHED, "the handler failed with KeyError", 0.0)


async def opened(file: Path) -> SqlStore:
    settings = load(file)
    settings.folder.mkdir(exist_ok=True)
    return await open_store(settings.storage.database_url(settings.folder))


async def claimed(store: SqlStore) -> list[str]:
    slots = {"email": Slots(9), "slack": Slots(0)}
    jobs = await store.claim(owner="me", slots=slots, kinds=[NOTIFY])
    for job in jobs:
        await store.transact(lambda tx, j=job: tx.jobs.settle(j, POISON))
    return [job.key for job in jobs]


async def poisoned(file: Path) -> None:
    """One message that its handler fails of, again and again."""
    store = await opened(file)
    await apply(store, [fire("DiskUse60", "P3")], 0, Policy(routes={**POLICY.routes}))
    for _ in range(MAX_CRASHES):
        assert await claimed(store) == [KEY]
    assert await claimed(store) == []
    await store.close()


async def left(file: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """Return what is due now, and the notes in the timeline."""
    store = await opened(file)
    view = await store.incident("INC-1")
    due = await claimed(store)
    await store.close()
    return due, [(e.by, e.text) for e in view.timeline if "quarantined" in e.text]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "dexwatch.yml"
    made.write_text("name: ana-dex\nrespond: {hook_token: a-token-that-is-long-enough}\n")
    asyncio.run(poisoned(made))
    return made


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["jobs", *arguments, "-c", str(file)])


def test_what_is_quarantined_is_listed_with_its_reason(file: Path) -> None:
    (job,) = json.loads(run(file, "list", "--json").output)["jobs"]
    assert (job["key"], job["incident"]) == (KEY, "INC-1")
    assert "KeyError" in job["reason"]
    assert job["age_seconds"] >= 0
    assert "INC-1" in run(file, "list").output


@pytest.mark.parametrize(("act", "due"), [("release", [KEY]), ("drop", [])])
def test_an_act_ends_the_quarantine_and_is_noted(file: Path, act: str, due: list[str]) -> None:
    ended = run(file, act, KEY)
    assert ended.exit_code == 0, ended.output
    assert json.loads(run(file, "list", "--json").output)["jobs"] == []
    found, ((by, text),) = asyncio.run(left(file))
    assert found == due
    assert "dexwatch jobs" in by
    assert act in text
    assert "KeyError" in text


def test_a_list_without_quarantined_jobs_says_so(file: Path) -> None:
    run(file, "drop", KEY)
    assert run(file, "list").output == "No job is quarantined.\n"


def test_a_job_that_is_not_quarantined_is_left_alone(file: Path) -> None:
    refused = run(file, "drop", "notify/INC-9/1/email/[x]", "--json")
    assert refused.exit_code == 1
    said = "no job notify/INC-9/1/email/[x] is quarantined"
    assert json.loads(refused.output)["error"] == said
    assert said in run(file, "drop", "notify/INC-9/1/email/[x]").output
