"""What happened to the chain, kept on disk, and its readers, each at its own pace."""
