"""The sample's chain: anvil behind two node gateways, contracts and traders."""
