"""The console: live boards, alerts and incidents in the browser, rendered on the server."""
