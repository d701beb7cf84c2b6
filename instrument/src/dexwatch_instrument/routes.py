"""The template of the route that answered a request, as Starlette and FastAPI match it.

The template is read from the matched routes, never made from the path: what a stranger writes into
a path must not become a label. A prefix that is lost would make one series of the routes of two
routers, so mounted applications and included routers keep theirs.
"""

from collections.abc import Iterator, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]

_REST = "/{path}"
"""What no known route describes, below the prefix that is known."""
_DEEPEST = 32
"""So many applications may stand inside each other, mounted or wrapped in middleware."""


def template(scope: Scope) -> str | None:
    """Return the template, prefixes of mounts and routers included; None where none matched.

    What a mounted application answers without a route of its own, such as files, is
    `/prefix/{path}`, and so is what an unknown framework routed. The path that a proxy has cut off
    (`root_path`) is no prefix, and a host is none either.
    """
    if "endpoint" not in scope:
        return None
    # What the routes are asked is the request as the outermost router saw it.
    asked = {key: scope[key] for key in scope if key not in ("app_root_path", "fastapi", "route")}
    asked["root_path"] = scope.get("app_root_path", scope.get("root_path", ""))
    asked["path_params"] = {}
    prefix, app = "", scope.get("router")
    for _ in range(_DEEPEST):
        found = _taken(app, asked, scope["endpoint"])
        if found is None:
            break
        route, child = found
        path = str(getattr(route, "path_format", ""))
        if not _leads_on(route):
            return prefix + path
        prefix += path.removesuffix(_REST)
        asked.update(child)
        app = child["endpoint"]
    return prefix + (_own_template(scope) or _REST)


def _taken(app: object, asked: Scope, endpoint: object) -> tuple[Any, Scope] | None:
    """Return the application's route that the router took, and what it adds to the scope."""
    second = None
    for route in _routes(app):
        # Only the route of the endpoint and what leads on to other routes can have been taken.
        if getattr(route, "endpoint", None) is not endpoint and not _leads_on(route):
            continue
        try:
            match, child = route.matches(asked)
        except Exception:  # noqa: BLE001 - a convertor may refuse a value, and the request with it.
            return None
        if match.name == "FULL":
            return route, child
        if match.name == "PARTIAL" and second is None:
            second = route, child
    return second


def _routes(app: object) -> Iterator[Any]:
    for _ in range(_DEEPEST):
        if hasattr(app, "routes"):
            break
        # Middleware keeps what it wraps under this name.
        app = getattr(app, "app", None)
    for route in getattr(app, "routes", ()):
        # FastAPI keeps an included router whole; what its routes became by that is apart.
        included = getattr(route, "effective_route_contexts", None)
        if included is None:
            yield route
        else:
            for context in included():
                yield getattr(context, "starlette_route", None) or context


def _leads_on(route: object) -> bool:
    """Tell whether a mount or a host leads on to another application."""
    return hasattr(route, "routes")


def _own_template(scope: Scope) -> str | None:
    """Return the template of the last route, where one below an unknown application was taken."""
    route = scope.get("route")
    path = None if _leads_on(route) else getattr(route, "path_format", None)
    return path if isinstance(path, str) else None
