"""Log lines as JSON with the field names of the Elastic Common Schema, and without secrets.

Source of names: Elastic Common Schema 8.11 (dotted spelling, as ECS loggers write it).
"""

import itertools
import json
import logging
import math
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from dexwatch_instrument import trace

ECS_VERSION = "8.11.0"
REDACTED = "[redacted]"
_VALUE = 8_192
_MOST_ITEMS = 100
_MOST_LEVELS = 8
_CUT = "\u2026"
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|authorization|cookie|private[_.-]?key|mnemonic|seed"
    r"|api[_.-]?key|credential|dsn$",
    re.IGNORECASE,
)
# Each begins with a word or sign that stands still, and what follows ends where another beginning
# could be: so none of them reads a character more often than a few times, whoever wrote the text.
_SECRET_TEXT = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {REDACTED}"),
    (
        re.compile(
            r"(?i)((?:password|passwd|secret|token|api[_-]?key|private[_-]?key|mnemonic)"
            r"[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&}]+"
        ),
        rf"\1{REDACTED}",
    ),
    # A text that was cut may have lost the sign that ends the credentials.
    (re.compile(r"(://[^\s:/@]*):[^\s/@]+(@|\u2026\Z)"), rf"\1:{REDACTED}\2"),
)


class EcsFormatter(logging.Formatter):
    """Formats a record as one line of JSON; `extra={"ecs": {...}}` adds fields by dotted name."""

    def __init__(self, service: str, *, version: str = "", environment: str = "") -> None:
        super().__init__()
        self._constant = {"ecs.version": ECS_VERSION, "service.name": service}
        if version:
            self._constant["service.version"] = version
        if environment:
            self._constant["service.environment"] = environment

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without an end of line."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "@timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "log.level": record.levelname.lower(),
            "message": masked(record.getMessage()),
            **self._constant,
            "log.logger": record.name,
            "process.pid": record.process,
        }
        span = trace.current.get()
        if span is not None:
            line |= {"trace.id": span.trace_id, "span.id": span.span_id}
        line |= clean(getattr(record, "ecs", None) or {})
        if record.exc_info and record.exc_info[1] is not None:
            line |= _error(record.exc_info[1])
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)
        # UTF-8 has no lone surrogates, and the line would be lost; JSON codes them just like this.
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def configure(
    service: str, *, stream: TextIO | None = None, level: int = logging.INFO, **service_fields: str
) -> None:
    """Let the root logger write ECS lines to `stream` (standard output when not given)."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(EcsFormatter(service, **service_fields))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def event(
    logger: logging.Logger, message: str, fields: Mapping[str, Any], *, level: int = logging.INFO
) -> None:
    """Log `message` with ECS `fields` such as {"event.action": "sign-in"}."""
    logger.log(level, message, extra={"ecs": fields})


def clean(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return `fields` with secrets redacted and long values cut."""
    return _cleaned(fields, _MOST_LEVELS)


def masked(text: str) -> str:
    """Return `text` cut to 8192 characters, without tokens, passwords and credentials in URLs."""
    if len(text) > _VALUE:
        text = text[:_VALUE] + _CUT
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _cleaned(fields: Mapping[str, Any], levels: int) -> dict[str, Any]:
    return {
        name: REDACTED if _SECRET_NAME.search(name) else _clean(value, levels)
        for name, value in ((str(key)[:_VALUE], value) for key, value in _first(fields.items()))
    }


def _clean(value: object, levels: int) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        # JSON has no NaN and no infinity, and who reads strictly would lose the line.
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset) and not levels:
        return _CUT
    if isinstance(value, Mapping):
        return _cleaned(value, levels - 1)
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, levels - 1) for item in _first(value)]
    return masked(str(value))


def _first(items: Iterable[Any]) -> list[Any]:
    return list(itertools.islice(items, _MOST_ITEMS))


def _error(error: BaseException) -> dict[str, str]:
    stack = "".join(traceback.format_exception(error))
    return {
        "error.type": type(error).__name__,
        "error.message": masked(str(error)),
        "error.stack_trace": masked(stack),
    }
