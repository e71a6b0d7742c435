"""Reports for people: freshness, completeness, coverage, explanations."""
