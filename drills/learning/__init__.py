"""How people answer, learned from alerts that are over: by role, part of the day and channel.

`trials` says what was asked of whom and what came of it, `fitting` what that shows of each cell,
and `rules` writes it as the rules of a scenario. No person stands in any of it.
"""
