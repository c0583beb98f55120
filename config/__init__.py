"""Data only: default settings, policies, message templates, translations."""
