"""Decisions: pure functions of state and `now` that return values with a named reason."""
