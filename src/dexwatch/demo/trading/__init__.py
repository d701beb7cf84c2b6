"""The people on the sample chain: what they plan, and how it is sent."""
