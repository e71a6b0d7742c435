"""Check what is known of each exchange against its live responses."""
