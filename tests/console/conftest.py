"""The site with a real store, and three people: Ana may act, Cy may look, one is outside."""

import shutil

import pytest
import pytest_asyncio

from dexwatch.console.config import ConsoleConfig
from dexwatch.console.site import build_site
from dexwatch.rules.registry import ALERTS
from dexwatch.storage.sessions import SqlSessionStore
from dexwatch.storage.store import open_store
from tests.fakes.console import seed, users, web
from tests.fakes.hostile import NOW, Alertmanager, Prometheus, browser, sign_in


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def seeded(tmp_path_factory):
    """Return a database with incidents, of which each site gets a copy."""
    file = tmp_path_factory.mktemp("seeded") / "dexwatch.sqlite"
    store = await open_store(f"sqlite+aiosqlite:///{file}")
    await seed(store)
    await store.close()
    return file


@pytest.fixture
async def parts(tmp_path, seeded):
    file = shutil.copy(seeded, tmp_path)
    store = await open_store(f"sqlite+aiosqlite:///{file}")
    prometheus, alertmanager = Prometheus(), Alertmanager()
    moment = [NOW]
    site = build_site(
        ConsoleConfig(users_file=users(tmp_path)),
        store=store,
        sessions=SqlSessionStore(store.database),
        prometheus=prometheus,
        alertmanager=alertmanager,
        alert_rules=ALERTS,
        platform="sample-dex",
        vendor=web(),
        now=lambda: moment[0],
    )
    async with site.router.lifespan_context(site):
        yield site, prometheus, alertmanager, store, moment
    await store.close()


@pytest.fixture
async def outsider(parts):
    async with browser(parts[0]) as client:
        yield client


@pytest.fixture
async def ana(parts):
    async with browser(parts[0]) as client:
        assert (await sign_in(client)).status_code == 303
        yield client


@pytest.fixture
async def cy(parts):
    async with browser(parts[0]) as client:
        assert (await sign_in(client, "cy")).status_code == 303
        yield client
