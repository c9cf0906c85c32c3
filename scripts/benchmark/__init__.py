"""`scripts/bench`: what an answer costs, and how much of that is the server and the framework."""
