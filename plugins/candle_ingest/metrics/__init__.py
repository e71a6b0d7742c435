"""The metrics of the package: what each one measures, and how it is sent."""
