"""The step aggregate_and_write."""
