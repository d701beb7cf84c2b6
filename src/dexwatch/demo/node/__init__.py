"""The nodes of the sample: gateways that dress anvil as BNB Smart Chain, and their faults."""
