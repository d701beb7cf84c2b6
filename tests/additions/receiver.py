"""A receiver and its test."""

from tests.additions.addition import Addition

RECEIVER = Addition(
    {
        "src/dexwatch/receivers/pigeon/__init__.py": (
            (
                "",
                '''"""Pigeons that bring alerts."""

from starlette.responses import Response
from starlette.routing import Route

from dexwatch.receivers.receiver import Receiver


def _routes(inbound):
    async def pigeon(_request):
        inbound.count("accepted")
        return Response()

    return [Route("/hooks/pigeon", pigeon, methods=["POST"])]


RECEIVER = Receiver("Pigeon", "pigeon", routes=_routes, requirements={"R-DEDUP": ""})
''',
            ),
        ),
        "src/dexwatch/receivers/registry.py": (('("alertmanager",', '("alertmanager", "pigeon"'),),
        "tests/receivers/test_pigeon.py": (
            (
                "",
                """from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dexwatch.receivers.receiver import Inbound
from dexwatch.receivers.registry import routes
from dexwatch.response.self_metrics import SelfMetrics


def test_a_pigeon_is_counted_apart():
    metrics = SelfMetrics()
    app = Starlette(routes=routes(Inbound(None, SecretStr("t")), metrics.received))
    assert TestClient(app).post("/hooks/pigeon").status_code == 200
    counted = {tuple(one.labels.values()): one.value for one in metrics.samples() if one.value}
    assert counted == {("pigeon", "accepted"): 1}
""",
            ),
        ),
    },
    """
from dexwatch.cli.coverage import plugins

assert plugins()["receiver pigeon"].tests == "tests/receivers/test_pigeon.py"
""",
    ("tests/receivers/test_pigeon.py",),
)
