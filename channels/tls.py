"""Whom an outgoing TLS connection trusts."""

import ssl

import certifi


def trust() -> ssl.SSLContext:
    """The system's authorities, a town's own among them, and Mozilla's list beside them.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` say where the system's are, as for every program that uses
    OpenSSL. Mozilla's are added because a slim image often has none.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
