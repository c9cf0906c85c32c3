"""`scripts/bench`: the cost of a response, and the shares of the server and of the framework."""
