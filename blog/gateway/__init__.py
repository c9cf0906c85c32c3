"""Between the server and Flask: receives whole requests and sends whole responses."""
