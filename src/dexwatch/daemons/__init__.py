"""The programs that we supervise: their arguments, configuration, readiness and life."""
