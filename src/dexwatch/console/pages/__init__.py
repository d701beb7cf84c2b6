"""The pages, a file a subject; each builds a router over the shared context."""
