"""Lets `python -m blog` be the `blog` command."""

from blog.cli import main

if __name__ == "__main__":
    main()
