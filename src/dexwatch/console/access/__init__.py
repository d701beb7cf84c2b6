"""Who may see and do what: users, sessions, and the checks that stand before every page."""
