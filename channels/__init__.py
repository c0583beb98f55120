"""Channels turn messages into bytes for one gateway each."""
