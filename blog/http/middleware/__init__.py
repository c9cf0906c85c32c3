"""What every response goes through."""
