"""Sheets of paper that were printed about an alert, and what came back on them."""

from sqlalchemy import Index
from sqlmodel import SQLModel

from alertd.store.tables.columns import big, blob, small, text


class Sheet(SQLModel, table=True):
    """A printed sheet, and which row of it is whose."""

    __tablename__ = "sheet"
    __table_args__ = (Index("sheet_alert", "alert_no", "printed_at"),)
    code: str = text(primary_key=True)  # as decide.sheets makes it
    alert_no: int = big()
    kind: str = text()  # calls, doors
    unit_no: int = big()
    printed_at: int = big()
    by: bytes = blob()
    numbers: bool = small()  # whole telephone numbers stand on it
    asked: str = text()  # JSON: [[duty_no, person_no]...], row 1 first


class SheetMark(SQLModel, table=True):
    """What was last entered of one row."""

    __tablename__ = "sheet_mark"
    sheet: str = text(primary_key=True)
    row_no: int = small(primary_key=True)
    result: str = text()  # decide.sheets.Result; x: what stood here was a mistake
    ack_no: int | None = big(nullable=True)
    entered_at: int = big()
    by: bytes = blob()
