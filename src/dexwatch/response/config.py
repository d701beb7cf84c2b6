"""What an operator can set about responding."""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field, SecretStr

from dexwatch.incidents.liveness.signal import HeartbeatTimeout
from dexwatch.incidents.policy import Policy, Route
from dexwatch.listen import ListenConfig
from dexwatch.metrics.severity import Severity


class RespondConfig(ListenConfig):
    """The role that turns alerts into incidents and messages."""

    port: int = Field(default=8903, ge=1, le=65535)
    """Where receivers take alerts in, Alertmanager's among them, and the role's own metrics."""
    hook_token: SecretStr = Field(min_length=16)
    """Alertmanager shows it as a bearer token."""
    reopen_window_seconds: float = Field(default=900, ge=0, le=86400)
    """A fault that returns within it continues the same incident."""
    repage_interval_seconds: float = Field(default=300, ge=0, le=86400)
    """A returning fault pages again only after so long without a page; doubles each time."""
    confirm_urgent_resolution: bool = False
    """P0 and P1 stay mitigated until a person confirms that they have ended."""
    runbook_hosts: tuple[str, ...] = ()
    """Hosts besides our own whose runbooks messages link to; others' addresses may be forged."""
    receiver: str = Field(default="dexwatch", min_length=1)
    """Our receiver's name in Alertmanager; alerts routed elsewhere are not ours."""
    reconcile_seconds: float = Field(default=30, ge=1, le=3600)
    """How often the alerts that Alertmanager holds are compared with ours."""
    missing_seconds: float = Field(default=180, ge=5, le=86400)
    """An alert that Alertmanager has not held for so long counts as resolved."""
    dead_man_seconds: float = Field(default=60, ge=0, le=3600)
    """Without Alertmanager's dead man's signal for so long, a P0 opens; 0 awaits none."""
    dead_man_grace_seconds: float = Field(default=180, ge=0, le=3600)
    """The signal may stay away so long after our own start, for Prometheus may be starting too."""

    keep_events_days: int = Field(default=30, ge=1, le=3650)
    """Received messages are kept so long as evidence, and longer while their incident is open."""
    keep_incidents_days: int = Field(default=400, ge=2, le=3650)
    """Resolved incidents with alerts, pages and timeline; a year, and a month to compare it in."""

    @property
    def heartbeat_timeout(self) -> HeartbeatTimeout:
        """How long the dead man's signal may stay away."""
        return HeartbeatTimeout(
            self.dead_man_seconds, max(self.dead_man_grace_seconds, self.dead_man_seconds)
        )

    def policy(self, routes: Mapping[Severity, tuple[Route, ...]]) -> Policy:
        """Return the policy that new incidents take."""
        return Policy(
            routes=routes,
            reopen_window=timedelta(seconds=self.reopen_window_seconds),
            repage_interval=timedelta(seconds=self.repage_interval_seconds),
            confirm_urgent_resolution=self.confirm_urgent_resolution,
        )
