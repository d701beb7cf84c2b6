"""The alert rules, a file a subject."""
