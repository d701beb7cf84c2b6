"""Is the source of alerts alive, and is an alert that it reports as resolved really over?"""
