"""What happened to the chain, kept on disk, and its consumers, each with its own offset."""
