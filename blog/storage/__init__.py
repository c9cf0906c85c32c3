"""Posts, authors and what belongs to them in the database: all SQL about the content."""
