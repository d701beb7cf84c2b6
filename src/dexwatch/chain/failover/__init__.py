"""Which endpoint is primary: who is on our chain, what most show, when another takes over."""
