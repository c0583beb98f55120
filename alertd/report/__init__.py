"""The report: figures computed from facts, and their faces."""
