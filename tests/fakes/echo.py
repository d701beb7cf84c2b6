"""A node that gives back what it is asked, by an endpoint whose clock a test holds."""

from typing import Any

from dexwatch.chain.config import EndpointConfig
from dexwatch.chain.endpoint import Endpoint, Request
from dexwatch.metrics.series import Series
from tests.fakes.node import FakeNode

Answers = list[dict[str, Any]]
HALVINGS = 5
"""From 50 calls to one."""
DOUBLINGS = 6


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def endpoint(node: FakeNode, clock: Clock | None = None) -> Endpoint:
    config = EndpointConfig(name="node-a", http=node.http)
    return Endpoint(config, Series(), timeout_seconds=1.0, monotonic=clock or Clock())


def echoes(count: int) -> list[Request]:
    return [Request("echo", (number,)) for number in range(count)]
