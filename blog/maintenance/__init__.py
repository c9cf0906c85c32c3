"""Work on a whole database: its schema, its integrity, its copies."""
