"""Segue keeps Iterable true to Segment."""
