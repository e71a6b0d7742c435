"""Merge and write: the step aggregate_and_write."""
