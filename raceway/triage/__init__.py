"""Which findings count: the others are suppressed by somebody, or known by a baseline."""
