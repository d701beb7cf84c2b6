"""The sample page: scenarios from the control API, buttons for operators, failures in words."""

import re

import pytest
from fastapi import FastAPI, HTTPException, Request

from dexwatch.clients.alertmanager import AlertmanagerClient
from dexwatch.clients.prometheus import PrometheusClient
from dexwatch.console.config import ConsoleConfig, SampleControlConfig
from dexwatch.console.site import build_site
from dexwatch.storage.sessions import SqlSessionStore
from dexwatch.storage.store import open_store
from tests.fakes import need
from tests.fakes.console import HOSTILE, PASSWORD, serving, users, web
from tests.fakes.hostile import browser


def control_api(actions):
    app = FastAPI()

    @app.get("/scenarios")
    async def scenarios(request: Request):
        if request.headers.get("authorization") != "Bearer secret-token":
            raise HTTPException(401)
        base = {"story": HOSTILE, "raises": ["ApiLatencyHigh"], "also": ["LatencyDegraded"]}
        return [
            {"name": "api-slow", "title": "The API is slow", "state": "idle", **base},
            {"name": "gas", "title": "Gas", "state": "active", "begins_in": 12, **base},
            {"name": "db-down", "title": HOSTILE, "state": "running", **base},
        ]

    @app.post("/scenarios/{name}/{action}")
    async def perform(name: str, action: str):
        if name == "broken":
            raise HTTPException(500, "it is stuck")
        actions.append((name, action))
        return {}

    return app


@pytest.fixture
async def parts(tmp_path):
    actions, port = [], need.free_port()
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'dexwatch.sqlite'}")
    control = SampleControlConfig(
        url=f"http://127.0.0.1:{port}",
        token="secret-token",
        pages={"Mailbox": "http://127.0.0.1:9/"},
    )
    nowhere = f"http://127.0.0.1:{need.free_port()}"
    async with PrometheusClient(nowhere) as prometheus, AlertmanagerClient(nowhere) as manager:
        site = build_site(
            ConsoleConfig(users_file=users(tmp_path), sample_control=control),
            store=store,
            sessions=SqlSessionStore(store.database),
            prometheus=prometheus,
            alertmanager=manager,
            vendor=web(),
        )
        async with site.router.lifespan_context(site), browser(site) as client:
            yield client, actions, control_api(actions), port
    await store.close()


async def sign_in(client, name):
    page = await client.get("/sign-in")
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)[1]
    fields = {"name": name, "password": PASSWORD, "form_token": token}
    await client.post("/sign-in", data=fields)
    page = await client.get("/sample")
    return page.text, re.search(r'name="form_token" value="([^"]+)"', page.text)[1]


async def test_an_operator_breaks_and_mends(parts):
    client, actions, app, port = parts
    async with serving(app, port):
        page, token = await sign_in(client, "ana")
        assert "The API is slow" in page
        assert ">begins in 12 s<" in page
        assert 'may also raise <a href="/runbooks/LatencyDegraded">' in page
        assert "<img src=x" not in page
        assert "secret-token" not in page
        fields = {"form_token": token}
        assert (await client.post("/sample/api-slow/start", data=fields)).status_code == 303
        assert (await client.post("/sample/db-down/stop", data=fields)).status_code == 303
        assert (await client.post("/sample/broken/start", data=fields)).status_code == 502
        assert (await client.post("/sample/api-slow/explode", data=fields)).status_code == 404
        assert (await client.post("/sample/api-slow/start")).status_code == 403
    assert actions == [("api-slow", "start"), ("db-down", "stop")]


async def test_a_viewer_only_looks(parts):
    client, actions, app, port = parts
    async with serving(app, port):
        page, token = await sign_in(client, "cy")
        assert "Break</button>" not in page
        answer = await client.post("/sample/api-slow/start", data={"form_token": token})
    assert answer.status_code == 403
    assert actions == []


async def test_a_dead_control_api_is_reported_in_words(parts):
    page, _ = await sign_in(parts[0], "ana")
    assert "The sample does not answer" in page
