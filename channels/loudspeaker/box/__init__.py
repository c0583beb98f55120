"""The reference terminal: a loudspeaker's box in Python, as small as it may be."""
