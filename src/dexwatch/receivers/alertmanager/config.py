"""What is fixed about Alertmanager's webhook: its bounds and its names."""

from dataclasses import dataclass

SOURCE = "alertmanager"
WATCHDOG = "Watchdog"
"""The alert that always fires: the dead man's signal."""


@dataclass(frozen=True)
class Bounds:
    """What is taken of one request; what exceeds them is cut, and only that."""

    body_bytes: int = 8 * 1024 * 1024
    """Room for a group with some huge alerts; the token tells who may send them."""
    body_seconds: float = 10.0
    alerts: int = 2000
    labels: int = 64
    name_chars: int = 256
    label_chars: int = 1024
    """As many as our Prometheus lets in."""
    annotations: int = 64
    annotation_chars: int = 8192
    raw_bytes: int = 32 * 1024
    """Of an alert's own JSON, which is kept beside what was read from it."""


BOUNDS = Bounds()
