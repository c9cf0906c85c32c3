"""One module per step, in the order their numbers say."""
