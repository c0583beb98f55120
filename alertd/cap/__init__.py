"""CAP 1.2: the one shape in which alerts come in, are kept, and go out.

`from_xml` and `from_json` refuse whatever the schema or the standard's text refuses and name the
field; `require_own` adds what alertd asks of alerts that it issues itself.
"""

from alertd.cap.fields import MAX_BYTES, Reference, format_time, parse_time
from alertd.cap.jsonform import from_json, to_json
from alertd.cap.model import Alert, Area, Info, NamedValue, Resource
from alertd.cap.own import (
    AREA_CODE,
    ROLE_NAME,
    area_codes,
    colour,
    info_for,
    require_own,
    response_level,
    roles,
    severity_rank,
)
from alertd.cap.vocabulary import (
    COLOUR,
    NAMESPACE,
    RESPONSE_LEVEL,
    ROLE,
    SOURCE_WARNING,
    TEMPLATE,
    TEXT_PARAMETER,
    UNIT_CODE,
    Category,
    Certainty,
    Colour,
    MsgType,
    ResponseLevel,
    ResponseType,
    Scope,
    Severity,
    Status,
    Urgency,
)
from alertd.cap.xmlform import Reading, from_xml, read_xml, to_xml

__all__ = [
    "AREA_CODE",
    "COLOUR",
    "MAX_BYTES",
    "NAMESPACE",
    "RESPONSE_LEVEL",
    "ROLE",
    "ROLE_NAME",
    "SOURCE_WARNING",
    "TEMPLATE",
    "TEXT_PARAMETER",
    "UNIT_CODE",
    "Alert",
    "Area",
    "Category",
    "Certainty",
    "Colour",
    "Info",
    "MsgType",
    "NamedValue",
    "Reading",
    "Reference",
    "Resource",
    "ResponseLevel",
    "ResponseType",
    "Scope",
    "Severity",
    "Status",
    "Urgency",
    "area_codes",
    "colour",
    "format_time",
    "from_json",
    "from_xml",
    "info_for",
    "parse_time",
    "read_xml",
    "require_own",
    "response_level",
    "roles",
    "severity_rank",
    "to_json",
    "to_xml",
]
