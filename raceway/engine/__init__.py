"""Detect races in stamped operations: pure code, without threads, clocks or I/O."""
