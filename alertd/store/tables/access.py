"""Who may do what: principals, tokens, sessions, and keys that make a write happen once."""

from sqlmodel import SQLModel

from alertd.store.tables.columns import big, blob, small, text


class Principal(SQLModel, table=True):
    """Somebody, or some system, that acts; within one subtree."""

    __tablename__ = "principal"
    no: int = big(primary_key=True)
    id: bytes = blob(unique=True)
    name: str = text(unique=True)
    role: str = text()  # administrator, duty_officer, approver, area_administrator, viewer, auditor
    unit_code: str = text()  # acts on this unit and below; "" is everywhere
    person_no: int | None = big(nullable=True)  # a Test alert reaches this person
    password_hash: str = text()  # "" where only tokens are used
    must_change: bool = small()
    created_at: int = big()
    disabled_at: int | None = big(nullable=True)


class Token(SQLModel, table=True):
    """An API token; only its hash is kept."""

    __tablename__ = "token"
    hash: bytes = blob(primary_key=True)
    principal_no: int = big()
    label: str = text()
    scopes: str = text()  # space-separated; see web.auth
    created_at: int = big()
    expires_at: int | None = big(nullable=True)
    revoked_at: int | None = big(nullable=True)


class Session(SQLModel, table=True):
    """A signed-in browser."""

    __tablename__ = "session"
    hash: bytes = blob(primary_key=True)
    principal_no: int = big()
    csrf: str = text()
    created_at: int = big()
    expires_at: int = big()
    revoked_at: int | None = big(nullable=True)
    waits: bool = small()  # for the second factor; it opens nothing else
    agent: str = text()  # the browser's own word, in short


class SecondFactor(SQLModel, table=True):
    """A secret that makes six digits every half minute; sealed."""

    __tablename__ = "second_factor"
    principal_no: int = big(primary_key=True)
    secret_cipher: bytes = blob()
    confirmed_at: int | None = big(nullable=True)  # a code of it was typed
    used_step: int = big()  # the last code's; each is good once


class Idempotency(SQLModel, table=True):
    """What a write with this key did, so that its repetition does nothing more."""

    __tablename__ = "idempotency"
    principal_no: int = big(primary_key=True)
    key: str = text(primary_key=True)
    request_hash: bytes = blob()
    response: str = text()  # JSON
    created_at: int = big()
