"""What is known of each minute of each exchange, and what is still open."""
