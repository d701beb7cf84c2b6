"""The HTTP server of every role: bounded, for our own names, with metrics that ask who asks."""
