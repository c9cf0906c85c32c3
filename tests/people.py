"""The authors of every test's blog, as the credentials they sign in with."""

RICK = ("rick", "password")  # An author.
JOE = ("joe", "pass word")  # Another one.
ANN = ("ann", "pässwort")  # An editor.
ROLES = {RICK: "author", JOE: "author", ANN: "editor"}
