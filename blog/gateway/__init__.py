"""Between the server and Flask: whole requests go in, whole responses come out."""
