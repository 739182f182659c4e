"""Judging: verbs over methods, always through saved files."""
