"""Text → sound: what digits, units and marks are called, and a voice that says it."""
