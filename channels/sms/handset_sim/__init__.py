"""The handset simulator: a gateway with simulated phones behind it, a process of its own.

`python -m channels.sms.handset_sim --help` says how to start it. Its own log, one JSON object a
line, is what tests count from: what was handed over is what stands there, never what alertd says.
"""
