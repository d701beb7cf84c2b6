"""A typed view of Alertmanager's HTTP API (v2): alerts, silences and status.

Shapes follow api/v2/openapi.yaml of prometheus/alertmanager.
Every method raises `SourceError`; `rpc_error` means that Alertmanager refused the request and why.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from dexwatch.clients import http
from dexwatch.clients.http import MonitoringClient, Outcome, SourceError

_BARE_NAME = re.compile(r"\A[a-zA-Z_][a-zA-Z0-9_]*\Z")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


_log = structlog.get_logger(__name__)

_TEXT_CHARS = 8192


@dataclass(frozen=True)
class Matcher:
    """A condition on a label: equal or not, by text or by anchored regular expression."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def __str__(self) -> str:
        operator = (
            ("=~" if self.is_equal else "!~") if self.is_regex else ("=" if self.is_equal else "!=")
        )
        name = self.name if _BARE_NAME.fullmatch(self.name) else _quoted(self.name)
        return f"{name}{operator}{_quoted(self.value)}"


@dataclass(frozen=True)
class Silence:
    """A span in which matching alerts are not sent on; `state` is pending, active or expired."""

    id: str
    matchers: tuple[Matcher, ...]
    starts: datetime
    ends: datetime
    by: str
    comment: str
    state: str


@dataclass(frozen=True)
class RoutedAlert:
    """An alert that Alertmanager holds; `state` is unprocessed, active or suppressed."""

    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts: datetime
    ends: datetime
    state: str
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    receivers: tuple[str, ...]

    @property
    def name(self) -> str:
        """The rule's id."""
        return self.labels.get("alertname", "")


@dataclass(frozen=True)
class AlertmanagerStatus:
    """Version, cluster state (ready, settling, disabled) and start."""

    version: str
    cluster: str
    started: datetime


class AlertmanagerClient(MonitoringClient):
    """Asks one Alertmanager."""

    LIMIT_BYTES = 64_000_000
    """Some thousand alerts, a hundred of which may carry megabytes; few must not hide the rest."""

    async def alerts(self, *, receiver: str = "") -> tuple[RoutedAlert, ...]:
        """List all alerts, the silenced and inhibited ones included.

        `receiver` lists only those that are routed to the receiver of this name. A record that is
        no alert is left out, and does not hide the others.
        """
        chosen = {"receiver": re.escape(receiver)} if receiver else {}
        rows, found = _rows(await self._ask("GET", "/api/v2/alerts", params=chosen)), []
        for record in rows:
            try:
                found.append(_alert(record))
            except SourceError as error:
                _log.warning("alertmanager.alert_unreadable", reason=error.detail)
        if rows and not found:
            # An answer of nonsense must not look like the end of all alerts.
            raise SourceError(Outcome.MALFORMED, "none of the records is an alert")
        return tuple(found)

    async def silences(self) -> tuple[Silence, ...]:
        """List all silences, the expired ones that are still kept included."""
        return tuple(_silence(row) for row in _rows(await self._ask("GET", "/api/v2/silences")))

    async def silence(
        self,
        matchers: Iterable[Matcher],
        *,
        starts: datetime,
        ends: datetime,
        by: str,
        comment: str,
    ) -> str:
        """Create a silence (aware datetimes) and return its id.

        At least one matcher must refuse the empty text.
        """
        body = {
            "matchers": [
                {
                    "name": matcher.name,
                    "value": matcher.value,
                    "isRegex": matcher.is_regex,
                    "isEqual": matcher.is_equal,
                }
                for matcher in matchers
            ],
            "startsAt": starts.astimezone(UTC).isoformat(),
            "endsAt": ends.astimezone(UTC).isoformat(),
            "createdBy": by,
            "comment": comment,
        }
        answer = await self._ask("POST", "/api/v2/silences", orjson.dumps(body))
        return http.field(answer, "silenceID", str)

    async def expire(self, silence_id: str) -> None:
        """End a silence now."""
        if not _is_id(silence_id):
            raise SourceError(Outcome.RPC_ERROR, "a silence's id has hexadecimal digits and dashes")
        await self._ask("DELETE", f"/api/v2/silence/{silence_id}")

    async def post(self, alerts: Iterable[Mapping[str, object]]) -> None:
        """Post alerts (labels, annotations, startsAt, endsAt) as Prometheus would."""
        await self._ask("POST", "/api/v2/alerts", orjson.dumps(list(alerts)))

    async def status(self) -> AlertmanagerStatus:
        """Tell version, cluster state and start."""
        answer = await self._ask("GET", "/api/v2/status")
        version = http.field(http.field(answer, "versionInfo", dict), "version", str)
        cluster = http.field(http.field(answer, "cluster", dict), "status", str)
        return AlertmanagerStatus(version, cluster, _moment(answer, "uptime"))

    async def _ask(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - checked by the callers.
        reply = await self.send(method, path, content=content, params=params)
        if 400 <= reply.status < 500:
            said = self.redact.text(reply.body.decode("utf-8", "replace"))
            detail = said[:500].strip().strip('"')
            raise SourceError(Outcome.RPC_ERROR, detail, code=reply.status)
        if reply.status != 200:
            raise SourceError(Outcome.HTTP_ERROR, f"status {reply.status}", code=reply.status)
        return http.decode(reply.body) if reply.body.strip() else None


def _rows(answer: object) -> list[Any]:
    if not isinstance(answer, list):
        raise SourceError(Outcome.MALFORMED, "the answer is not a list")
    return answer


def _is_id(text: str) -> bool:
    return 0 < len(text) <= 64 and all(character in "0123456789abcdefABCDEF-" for character in text)


def _moment(record: object, name: str) -> datetime:
    text = http.field(record, name, str)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SourceError(Outcome.MALFORMED, f"field {name!r} is not a time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _texts(record: object, name: str) -> Mapping[str, str]:
    values = http.field(record, name, dict)
    return {
        str(key): value[:_TEXT_CHARS] for key, value in values.items() if isinstance(value, str)
    }


def _names(record: object, name: str) -> tuple[str, ...]:
    return tuple(value for value in http.field(record, name, list) if isinstance(value, str))


def _alert(record: object) -> RoutedAlert:
    status = http.field(record, "status", dict)
    return RoutedAlert(
        fingerprint=http.field(record, "fingerprint", str),
        labels=_texts(record, "labels"),
        annotations=_texts(record, "annotations"),
        starts=_moment(record, "startsAt"),
        ends=_moment(record, "endsAt"),
        state=http.field(status, "state", str),
        silenced_by=_names(status, "silencedBy"),
        inhibited_by=_names(status, "inhibitedBy"),
        receivers=tuple(
            http.field(receiver, "name", str) for receiver in http.field(record, "receivers", list)
        ),
    )


def _silence(record: object) -> Silence:
    return Silence(
        id=http.field(record, "id", str),
        matchers=tuple(_matcher(matcher) for matcher in http.field(record, "matchers", list)),
        starts=_moment(record, "startsAt"),
        ends=_moment(record, "endsAt"),
        by=http.field(record, "createdBy", str),
        comment=http.field(record, "comment", str),
        state=http.field(http.field(record, "status", dict), "state", str),
    )


def _matcher(record: Any) -> Matcher:  # noqa: ANN401 - checked here.
    name, value = http.field(record, "name", str), http.field(record, "value", str)
    return Matcher(
        name, value, http.field(record, "isRegex", bool), record.get("isEqual") is not False
    )
