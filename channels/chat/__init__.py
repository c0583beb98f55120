"""Chat group gateways."""
