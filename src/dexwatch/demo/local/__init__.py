"""Small loopback servers in place of what a real platform has outside: Slack, mail, a host."""
