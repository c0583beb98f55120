"""Drills: plans, scenarios and the simulated world."""
