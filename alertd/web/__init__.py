"""HTTP: the API, the console, inbound hooks."""
