"""The server's certificate, which is renewed more often than a server is started."""

import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog

from alertd.errors import NotConfiguredError
from alertd.settings import Settings
from alertd.web.spare import spare as spare_certificate

_HINT: Final = "alertd cert makes both."
_CERTIFICATES: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\s*", re.ASCII
)
_Marks = tuple[tuple[int, int, int], ...]

log = structlog.get_logger("alertd.web")


class Certificate:
    """What whoever connects is shown; files that have changed are taken up while it serves.

    Connections under way go on as they began. Files that can't be used, or are being replaced just
    now, change nothing.

    Args:
        settings: Which files.
        spare: Where they can't be used from the start, serve by a certificate of the moment until
            they can: whoever sends for a city doesn't end for want of a console's certificate.

    Raises:
        NotConfiguredError: They can't be used, and there is to be no `spare`.
    """

    EVERY_S: Final = 30.0  # how often it is to look

    def __init__(self, settings: Settings, *, spare: bool = False) -> None:
        self._settings = settings
        self._seen = self._marks()
        self._refused: _Marks | None = None
        self._make: Callable[[], ssl.SSLContext]
        self._fresh: ssl.SSLContext | None = None
        self.trouble: NotConfiguredError | None = None  # what is wrong with them, where spare
        try:
            self.text = certificate_of(settings)
        except NotConfiguredError as error:
            if not spare:
                raise
            self.trouble = error
            log.warning("certificate-cant-be-used", error=str(error))

    def begin(self, _config: object, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """The context by which every connection begins, for uvicorn; `make` makes one of files."""
        self._make = make
        if self.trouble is None:
            context = make()
        else:
            context, self.text = spare_certificate()
        context.sni_callback = self._show  # asked whether or not a name was
        return context

    def _show(self, connection: Any, _name: str | None, _begun: ssl.SSLContext) -> None:
        if self._fresh is not None:
            connection.context = self._fresh

    def look(self, tell: Callable[[str, str], None]) -> None:
        """Take up what has changed.

        Args:
            tell: Told of the certificate, PEM, before anybody is shown it, and of the one before.
        """
        marks = self._marks()
        known = marks in {self._seen, self._refused}
        if known and self.trouble is None:  # else whoever may read them may have changed
            return
        try:
            text, fresh = certificate_of(self._settings), self._make()
        except (NotConfiguredError, OSError) as error:  # TLS's own are of the second kind
            self._refused = marks
            if not known:
                log.warning("certificate-not-taken-up", error=str(error))
            return
        if self._marks() != marks:
            return  # it is being replaced: the next look finds it whole
        tell(text, self.text)
        self._fresh, self._seen, self.text, self.trouble = fresh, marks, text, None
        log.info("certificate-taken-up")

    def _marks(self) -> _Marks:
        """By which changed files are known, be they written over, replaced, or behind a link."""
        found = []
        for path in (self._settings.tls_cert, self._settings.tls_key):
            try:
                seen = (path or Path()).stat()
            except OSError:
                continue
            found.append((seen.st_ino, seen.st_mtime_ns, seen.st_size))
        return tuple(found)


def certificate_of(settings: Settings) -> str:
    """What the server is to serve with, PEM, without any key; "" where it speaks plain HTTP.

    Raises:
        NotConfiguredError: The certificate or its key can't be used.
    """
    cert, key = settings.tls_cert, settings.tls_key
    if cert is None or key is None:
        return ""
    try:
        text = cert.read_text("latin-1")
        key.read_bytes()
        # A key with a password would have OpenSSL ask for it at a terminal that may not be there.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        raise NotConfiguredError(
            "The key in tls_key isn't that of the certificate in tls_cert."
            if error.reason == "KEY_VALUES_MISMATCH"
            else "tls_cert must be a certificate and tls_key its key without a password, as PEM.",
            field="tls_cert",
            hint=_HINT,
        ) from None
    except OSError as error:
        reason = f"{error.filename or cert} can't be read: {error.strerror}."
        raise NotConfiguredError(reason, field="tls_cert", hint=_HINT) from None
    return "".join(_CERTIFICATES.findall(text))
