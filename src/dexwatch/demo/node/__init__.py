"""The nodes of the sample: gateways that make anvil answer as BSC does, and their faults."""
