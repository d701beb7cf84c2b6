"""The chart of a message: its data, asked of Prometheus, and its picture."""
