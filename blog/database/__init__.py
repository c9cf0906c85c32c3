"""Opening, reading and writing a database, whatever its content."""
