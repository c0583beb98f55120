"""HTTP gateways that are described by a file and not by code: `config/gateways/*.toml`."""
