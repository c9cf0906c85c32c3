"""How a thing is written out: one pure function for each media type."""
