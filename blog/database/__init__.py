"""How a database is opened, read and written, whatever is in it."""
