"""Simulated GSM modems on pseudo-terminals, with faults: a peer for the route type `modems`.

Started by `python -m channels.sms.modem_sim --links DIR`; `--help` tells the rest.
"""
