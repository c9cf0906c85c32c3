"""What the blog promises, as claims that can fail."""
