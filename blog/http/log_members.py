"""Where a record of the log has the members that it has of its own.

It stands by itself, since a process that only formats records has no use for a web framework.
"""

# The name of an attribute of the record.
MEMBERS = "_members"
