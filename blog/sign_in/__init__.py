"""Who the caller is: credentials, passwords, and the throttle of failures; no SQL, no Flask."""
