"""HTTP: what resources need to read requests and to write responses."""
