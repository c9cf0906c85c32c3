"""Manages processes and connections: the only package that imports granian."""
