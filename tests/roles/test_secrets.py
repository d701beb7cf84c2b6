"""Each role is given its own secrets and no others: neither in its settings nor in its environment.

The configuration gives each secret in one of three ways; a process of its own loads it as the role
does, and reports which files were opened and what can be reached from the settings.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dexwatch.roles.programs import programs
from dexwatch.roles.registry import CONSOLE, RESPOND, ROLES, SUPERVISOR, WATCH, RoleSpec
from dexwatch.secret import Withheld, WithheldError
from dexwatch.settings import Settings, load
from dexwatch.settings.schema import is_secret

OWNERS = {
    "respond.token": {RESPOND, SUPERVISOR},
    "chain.http": {WATCH},
    "chain.ws": {WATCH},
    "database.dsn": {WATCH},
    "postgres.dsn": {SUPERVISOR},
    "redis.url": {SUPERVISOR},
    "target.token": {SUPERVISOR},
    "daemons.password": {WATCH, RESPOND, CONSOLE, SUPERVISOR},
    "prometheus.token": {RESPOND, CONSOLE, SUPERVISOR},
    "deadman.url": {RESPOND, SUPERVISOR},
    "alertmanager.password": {RESPOND, CONSOLE, SUPERVISOR},
    "mail.password": {RESPOND},
    "slack.token": {RESPOND},
    "webhook.secret": {RESPOND},
    "storage.url": {RESPOND, CONSOLE},
    "sample.token": {CONSOLE},
}
"""Who needs what; a secret is the word `sesame` and its name, in an address where one is asked."""

CONFIG = """
name: ana-dex
respond: {hook_token_file: respond.token}
chain:
  endpoints: [{name: a, http: {file: chain.http}, ws: {env: CHAIN_WS}}]
database: {dsn: {env: DATABASE_DSN}}
daemons:
  password_file: daemons.password
  deadman: {outside_url_file: deadman.url}
  prometheus: {token_file: prometheus.token}
  alertmanager: {username: ana, password_file: alertmanager.password}
  postgres: {targets: [{name: p, dsn_file: postgres.dsn}]}
  redis: {targets: [{name: r, url: {file: ./redis.url}}]}
  targets: [{job: api, address: 127.0.0.1:9000, token: {env: TARGET_TOKEN}}]
notify:
  email:
    host: 127.0.0.1
    tls: none
    sender: a@example.org
    username: ana
    password_file: mail.password
    to: {P0: [bo@example.org]}
  slack: {token: {env: SLACK_TOKEN}, channels: {P0: "#all"}}
  webhooks: [{name: hook, url: "http://127.0.0.1:1", secret: "sesame-webhook.secret-in-the-file"}]
storage: {url_file: storage.url}
console:
  sample_control: {url: "http://127.0.0.1:1", token_file: sample.token}
"""
PREFIX = {
    "deadman.url": "https://127.0.0.1:1/",
    "chain.http": "http://127.0.0.1:1/",
    "chain.ws": "ws://127.0.0.1:1/",
    "database.dsn": "postgresql://127.0.0.1/",
    "postgres.dsn": "postgresql://127.0.0.1/",
    "redis.url": "redis://127.0.0.1:1/",
    "storage.url": "postgresql://127.0.0.1/",
}
VARIABLES = {
    "CHAIN_WS": "chain.ws",
    "DATABASE_DSN": "database.dsn",
    "TARGET_TOKEN": "target.token",
    "SLACK_TOKEN": "slack.token",
}

LOADED = """
import gc, json, os, sys
from pathlib import Path
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from dexwatch.roles.registry import ROLES, SUPERVISOR
from dexwatch.settings import load
spec = next(s for s in (*ROLES, SUPERVISOR) if s.name == sys.argv[1])
kept = load(Path(sys.argv[2]), secrets=spec.secrets)
reached, seen, texts = [kept], set(), []
while reached:
    thing = reached.pop()
    if id(thing) in seen or isinstance(thing, (type, type(sys))) or callable(thing):
        continue
    seen.add(id(thing))
    if isinstance(thing, (str, bytes)):
        texts.append(str(thing))
    else:
        reached += gc.get_referents(thing)
print(json.dumps({"opened": opened, "texts": texts}))
"""


def secret(name: str) -> str:
    return f"{PREFIX.get(name, '')}sesame-{name}-long-enough"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in OWNERS:
        (tmp_path / name).write_text(secret(name) + "\n")
    for variable, name in VARIABLES.items():
        monkeypatch.setenv(variable, secret(name))
    (tmp_path / "dexwatch.yml").write_text(CONFIG)
    return tmp_path / "dexwatch.yml"


@pytest.mark.parametrize("spec", [*ROLES, SUPERVISOR], ids=lambda spec: spec.name)
def test_role_reads_and_keeps_its_own_secrets_only(spec: RoleSpec, file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, spec.name, str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    reached = " ".join(found["texts"])

    own = {name for name, owners in OWNERS.items() if spec in owners}
    assert {name for name in OWNERS if f"sesame-{name}" in reached} == own
    opened = {Path(path).name for path in found["opened"]}
    assert opened & set(OWNERS) == own - set(VARIABLES.values()) - {"webhook.secret"}


@pytest.mark.parametrize("spec", ROLES, ids=lambda spec: spec.name)
def test_environment_of_a_role_holds_no_secret_of_another(spec: RoleSpec, file: Path) -> None:
    program = next(p for p in programs(load(file), file) if p.name == spec.name)

    given = {name for name in VARIABLES if name in program.env}

    assert given == {name for name, owned in VARIABLES.items() if spec in OWNERS[owned]}
    assert program.env["PATH"] == os.environ["PATH"]


def test_every_secret_of_the_settings_is_among_those_looked_at(file: Path) -> None:
    """A new kind of secret must come into this file, or nobody would look where it goes."""
    places = set(_secrets(Settings, ()))

    # Prometheus and Alertmanager each ask for a token or a password, never for both.
    assert len(places) == len(OWNERS) + 2, places


def _secrets(model: type, place: tuple) -> list[tuple]:
    schema = model.model_json_schema()
    found, waiting = [], [(schema, place)]
    while waiting:
        node, where = waiting.pop()
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
        if is_secret(model, where) and where not in found:
            found.append(where)
            continue
        waiting += [(inner, (*where, name)) for name, inner in node.get("properties", {}).items()]
        waiting += [(inner, where) for inner in node.get("anyOf", [])]
        if isinstance(node.get("items"), dict):
            waiting.append((node["items"], (*where, 0)))
    return found


def test_secret_that_is_withheld_cannot_be_used(file: Path) -> None:
    settings = load(file, secrets=WATCH.secrets)
    assert settings.notify.slack is not None

    assert isinstance(settings.notify.slack.token, Withheld)
    with pytest.raises(WithheldError, match="RoleSpec"):
        settings.notify.slack.token.get_secret_value()


def test_missing_secret_of_another_role_stops_nobody(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLACK_TOKEN")
    (file.parent / "mail.password").unlink()

    assert load(file, secrets=WATCH.secrets).chain is not None
