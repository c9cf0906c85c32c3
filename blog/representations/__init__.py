"""Representations of documents: one pure module for each media type."""
