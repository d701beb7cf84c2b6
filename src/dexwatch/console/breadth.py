"""How much a silence would mute, of all that could ever fire."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dexwatch.clients.alertmanager import Matcher
from dexwatch.console.matching import MatcherError, may_mute
from dexwatch.rules.rendering import alert_labels
from dexwatch.rules.rule import AlertRule

WIDE_SHARE = 0.1
"""Of the rules; a silence that holds back more is asked for again."""
WATCHDOG: Mapping[str, str] = {"alertname": "Watchdog", "severity": "none"}
"""The dead man's signal: while it is muted, nobody learns that the monitoring has died."""


@dataclass(frozen=True)
class Breadth:
    """What of all rules a silence could hold back."""

    muted: tuple[str, ...]
    """Ids of the rules, in alphabetical order."""
    rules: int

    @property
    def wide(self) -> bool:
        """Is it so much that a person should be asked again?"""
        return len(self.muted) > max(1.0, self.rules * WIDE_SHARE)

    @property
    def words(self) -> str:
        """Say how much, with some names."""
        some = ", ".join(self.muted[:5]) + (", \u2026" if len(self.muted) > 5 else "")
        return f"{len(self.muted)} of all {self.rules} rules ({some})"


def breadth(matchers: Sequence[Matcher], rules: Iterable[AlertRule]) -> Breadth:
    """Try matchers against every rule.

    Raises:
        MatcherError: they would mute all rules, or the dead man's signal; or one is no expression.
    """
    every = {rule.id: {"alertname": rule.id, **alert_labels(rule)} for rule in rules}
    if may_mute(matchers, WATCHDOG):
        raise MatcherError(
            "These matchers would mute Watchdog, the signal that tells that the monitoring lives: "
            "name the alerts, or a severity from P0 to P3."
        )
    muted = tuple(sorted(name for name, labels in every.items() if may_mute(matchers, labels)))
    told = [name for name, labels in every.items() if labels.get("severity") != "none"]
    if told and set(told) <= set(muted):
        raise MatcherError("These matchers would mute every rule: name the alerts, or the host.")
    return Breadth(muted, len(every))


def unknown_name(matchers: Sequence[Matcher], rules: Iterable[AlertRule]) -> str:
    """Say that a silence names a rule that does not exist, with the nearest; else nothing.

    It is no error, for alerts of other sources have names that no rule of ours has.
    """
    known = sorted(rule.id for rule in rules)
    for one in matchers:
        exact = one.name == "alertname" and one.is_equal and not one.is_regex
        if exact and one.value not in known:
            near = " or ".join(difflib.get_close_matches(one.value, known, n=2))
            asked = f": did you mean {near}?" if near else "."
            return f"There is no rule {one.value}{asked}"
    return ""
