"""Lets `python -m blog` be the `blog` command."""

from blog.cli import main

main()
