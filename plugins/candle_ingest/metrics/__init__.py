"""The metrics of the package: what each one says, and how it is sent."""
