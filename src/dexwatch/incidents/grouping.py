"""Which alerts belong together, and what their incident is called."""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

from dexwatch.metrics.identity import IDENTITY_LABELS

_SHORT = {"Api": "API", "Cpu": "CPU", "Ip": "IP", "Rpc": "RPC"}
_WITHIN_A_GROUP = tuple(label for label in IDENTITY_LABELS if label != "service")
"""The service is part of the group's key, so within a group it tells nothing apart."""
_LONGEST_KEY = 200
"""Characters of a key: four bytes each, they still fit into an entry of any database's index."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[0-9]+|[a-z]+")


def group_of(labels: Mapping[str, str], upstream: str) -> str:
    """Return the group of an alert: its alert group at its service, else what the source tells.

    One key for each alert, not several, is what lets the database refuse a second open incident.
    """
    alert_group = labels.get("alert_group", "")
    if not alert_group:
        return key_of(f"upstream/{upstream}")
    return key_of(f"alert_group/{alert_group}/{labels.get('service', '')}")


def key_of(text: str) -> str:
    """Return foreign text as every database keeps it, so that what was stored is found again.

    PostgreSQL takes no NUL and no half of a surrogate pair, and no text of any length in an index.
    """
    kept = text.replace("\x00", "").encode("utf-8", "replace").decode()
    if len(kept) <= _LONGEST_KEY:
        return kept
    return f"{kept[:120]}#{sha256(kept.encode()).hexdigest()[:32]}"


def another_thing(labels: Mapping[str, str], others: Iterable[Mapping[str, str]]) -> bool:
    """Say whether an alert is about another thing than all the alerts of its alert group so far.

    The rules of one group may carry more or fewer labels, so a label that one side lacks tells
    nothing: things differ in a label that both have, and are the same when none that both have
    differs.
    """
    mine = identity_of(labels)
    differs = False
    for theirs in map(identity_of, others):
        shared = mine.keys() & theirs.keys()
        if any(mine[name] != theirs[name] for name in shared):
            differs = True
        elif shared:
            return False
    return differs


def identity_of(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that say which thing an alert is about."""
    return {name: labels[name] for name in _WITHIN_A_GROUP if labels.get(name)}


def title_of(name: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """Return a heading of at most 150 characters, for example `Api latency high (api)`."""
    said = annotations.get("title", "").strip()
    words = said or _spoken(name)
    place = labels.get("service") or labels.get("host") or ""
    title = f"{words} ({place})" if place and place.lower() not in words.lower() else words
    return " ".join(title.split())[:150]


def _spoken(name: str) -> str:
    """Return a rule's id as words: `ApiLatencyHigh` becomes `API latency high`."""
    first, *rest = _WORD.findall(name) or [name]
    return " ".join([_SHORT.get(first, first), *(_SHORT.get(w, w.lower()) for w in rest)])
