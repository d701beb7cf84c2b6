"""Is the source alive, and is what it tells as over really over?"""
