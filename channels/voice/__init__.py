"""Calls: a machine's, by `channels.described` or Twilio, and a person's, by hand."""
