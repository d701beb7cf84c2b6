"""The template of the route that answered a request, as Starlette and FastAPI leave it behind.

Both write into the request's scope while they route: the route that matched, what its template took
from the path, and how much of the path the mounted applications above it have taken. A prefix that
is lost would make one series of the routes of two routers.
"""

import inspect
from collections.abc import MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]


def template(scope: Scope) -> str | None:
    """Return the template, prefixes of mounts and routers included; None where none matched.

    What a mounted application answers without a route of its own, such as files, is
    `/prefix/{path}`. The path that a proxy has cut off (`root_path`) is no prefix.
    """
    root_path = str(scope.get("root_path", ""))
    base = str(scope.get("app_root_path", root_path))
    mounted = root_path.removeprefix(base)
    leaf = _leaf(scope)
    if leaf is not None:
        own = set(_names(leaf))
        outer = {name: value for name, value in _parameters(scope) if name not in own}
        return _substituted(mounted, outer) + leaf
    if "endpoint" not in scope:
        return None
    if _is_handler(scope["endpoint"]):
        # Older versions of Starlette leave no route, but what its template took from the path.
        path = str(scope["path"]).removeprefix(base)
        return _substituted(path, dict(_parameters(scope)))
    return _substituted(mounted, dict(_parameters(scope))) + "/{path}"


def _leaf(scope: Scope) -> str | None:
    route = scope.get("route")
    if not hasattr(route, "methods"):
        return None
    # FastAPI keeps the prefix of an included router apart from the route.
    context = (scope.get("fastapi") or {}).get("effective_route_context")
    if getattr(context, "original_route", None) is route:
        route = context
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    return path if isinstance(path, str) else None


def _names(path: str) -> list[str]:
    return [part.split("}")[0].split(":")[0] for part in path.split("{")[1:]]


def _parameters(scope: Scope) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in scope.get("path_params", {}).items()]


def _substituted(path: str, values: dict[str, str]) -> str:
    """Write names in place of values; each is looked for after the one before it."""
    done, rest = "", path
    for name, value in values.items():
        at = f"{rest}/".find(f"/{value}/") if value else -1
        if at >= 0:
            done += f"{rest[:at]}/{{{name}}}"
            rest = rest[at + 1 + len(value) :]
    return done + rest


def _is_handler(endpoint: object) -> bool:
    return inspect.isroutine(endpoint) or inspect.isclass(endpoint)
