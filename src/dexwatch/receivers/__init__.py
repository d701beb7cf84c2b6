"""Inbound webhooks, a folder each: each turns what it is sent into events for `response`."""
