"""Messages to people: the jobs that carry them, how they are composed, how they are delivered."""
