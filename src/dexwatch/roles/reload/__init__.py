"""How a running dexwatch takes a changed configuration."""
