"""Inbound doors, one a source of alerts: each turns what it is sent into events for `response`."""
