"""Everything on a page that updates itself: shared panel data, and the platform's health."""
