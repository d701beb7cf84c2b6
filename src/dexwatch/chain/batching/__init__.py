"""Several calls in one exchange: how many, and what the answer says of each."""
