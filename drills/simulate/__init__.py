"""The simulator: the engine itself in a world of its own, with nobody woken.

A night is one alert to its end: the same engine code on a scratch city in memory, under a clock
that jumps to the next moment at which anything happens. Nothing here opens a route: the engine
knows routes by their limits only, and what would leave by them goes to `world`.
"""
