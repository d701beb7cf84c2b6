"""The sample's chain: anvil behind node gateways, contracts and traders."""
