"""Where posts and authors are kept: all SQL is here."""
