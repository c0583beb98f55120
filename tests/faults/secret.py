"""What the simulated gateway and the engine under test share."""

SECRET = "kill-loop-secret"
