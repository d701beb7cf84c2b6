"""Alert and recording rules: what is worth waking somebody for; `catalogue` lists them."""
