"""Who the caller is: passwords, and how guessing them is slowed down. No SQL, no Flask."""
