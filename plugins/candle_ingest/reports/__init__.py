"""Answers for people: freshness, completeness, coverage, explanations."""
