"""Benchmarks: what the package does fast, each figure against something that anyone can run."""
