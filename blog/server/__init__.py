"""How processes and connections are managed: the only package that imports granian."""
