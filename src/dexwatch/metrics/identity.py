"""The labels that tell one thing from another: a full /data is not a full /.

Alertmanager's inhibition and our incidents both compare them, so there is one list.
"""

IDENTITY_LABELS = (
    "host",
    "service",
    "instance",
    "mountpoint",
    "device",
    "endpoint",
    "contract",
    "pool",
    "cache",
    "datname",
    "feed",
    "queue",
    "dataset",
    "daemon",
    "channel",
    "collector",
)
