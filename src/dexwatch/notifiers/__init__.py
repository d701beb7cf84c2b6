"""The channels to people: each renders a notice and sends it; `catalogue` lists them."""
