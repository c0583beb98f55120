"""Whom an outgoing TLS connection trusts."""

import os
import ssl
from functools import cache

import certifi


def trust() -> ssl.SSLContext:
    """The system's authorities, a town's own among them, and Mozilla's list beside them.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` say where the system's are, as for every program that uses
    OpenSSL. Mozilla's are added because a slim image often has none. Read once, since it takes
    some 70 ms in which nothing else runs, and a node has a route for each gateway.
    """
    return _trust(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _trust(_cert_file: str | None, _cert_dir: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
