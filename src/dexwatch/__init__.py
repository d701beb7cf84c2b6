"""dexwatch: monitoring, alerting and incident response for exchanges on BNB Smart Chain."""

__version__ = "0.1.0"
