"""Calls: a machine's, by `channels.described`, and a person's, by hand."""
