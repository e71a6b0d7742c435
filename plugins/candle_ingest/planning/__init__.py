"""Plan what a run fetches and merges: the steps read_symbols and validate_symbols."""
