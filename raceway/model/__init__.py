"""Frozen data shared by every layer: op codes and findings.  No behaviour, no threads."""
