"""A headless blog server: posts over HTTP, for programs that know only its root."""

__version__ = "0.1.0"
