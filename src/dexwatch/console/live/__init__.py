"""Everything on a page that moves: shared panel feeds, and the pulse of the whole platform."""
