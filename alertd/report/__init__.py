"""What an alert came to: the figures (pure), their files (`make`), and the proof (`verify`)."""
