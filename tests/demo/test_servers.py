"""The sample's servers believe what a request says about its origin only where that is said."""

import ast
from collections.abc import Iterator
from pathlib import Path

import dexwatch.demo


def servers() -> Iterator[tuple[str, dict[str, object]]]:
    """Yield file and arguments of each start of uvicorn, and of what the exchange starts it by."""
    for file in sorted(Path(dexwatch.demo.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {
                "uvicorn.run",
                "uvicorn.Config",
                "serve",
            }:
                given = {word.arg: ast.unparse(word.value) for word in node.keywords if word.arg}
                yield file.name, given


def test_each_server_says_whom_it_believes_about_the_origin_of_a_request() -> None:
    """Uvicorn believes everybody on the same machine unless it is told otherwise."""
    found = list(servers())
    assert {name for name, _ in found} >= {"api.py", "worker.py", "service.py", "gateway.py"}
    trusting = {
        name
        for name, given in found
        if "True" in {given.get("proxy_headers"), given.get("proxied")}
    }
    assert trusting == {"api.py"}, "only the API has a proxy before it"
    for _, given in found:
        if given.get("proxy_headers") not in {None, "False"}:
            assert given.get("forwarded_allow_ips") == "'127.0.0.1'"
