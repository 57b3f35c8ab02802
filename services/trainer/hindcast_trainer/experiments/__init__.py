"""Experiments: rows become jobs, jobs become one table."""
