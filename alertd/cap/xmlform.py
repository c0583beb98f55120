"""CAP as XML: a strict reader of the schema's grammar, and a writer whose output validates.

The reader knows the structure and takes nothing else: order, repetition, unknown elements and
attributes are refused by path. What a field may hold is judged by the values in `model`. The
schema itself isn't needed at run time; tests hold the two together.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from lxml import etree
from pydantic import BaseModel, ValidationError

from alertd.cap.fields import MAX_BYTES
from alertd.cap.jsonform import to_json
from alertd.cap.model import Alert, Area, Info, NamedValue, Resource
from alertd.cap.problems import path_of, refuse, refuse_validation
from alertd.cap.vocabulary import NAMESPACE, SIGNATURE_NAMESPACE
from alertd.errors import InvalidInputError, TooLargeError
from alertd.i18n import N_

_NESTED: dict[str, type[BaseModel]] = {
    "info": Info,
    "area": Area,
    "resource": Resource,
    "eventCode": NamedValue,
    "parameter": NamedValue,
    "geocode": NamedValue,
}
_REPEATED: Final = frozenset(_NESTED) | {"code", "category", "responseType", "polygon", "circle"}
_SCHEMA_LOCATION: Final = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_WHITE: Final = " \t\r\n"


def _order(model: type[BaseModel]) -> dict[str, int]:
    """CAP names of a model's fields, which stand in the schema's order, to their place."""
    return {info.alias or name: n for n, (name, info) in enumerate(model.model_fields.items())}


@dataclass(frozen=True, slots=True)
class Reading:
    """An alert, and what was seen and dropped while reading it."""

    alert: Alert
    signed: bool  # an XML signature was there; it was neither verified nor kept


@dataclass(slots=True)
class _Reader:
    problems: list[tuple[str, str]] = field(default_factory=list)
    signed: bool = False

    def refuse(self, location: list[str | int], reason: str) -> None:
        self.problems.append((path_of(location), reason))

    def element(
        self, node: etree._Element, model: type[BaseModel], location: list[str | int]
    ) -> dict[str, Any]:
        """The children of `node` as an object that `model` can judge."""
        order, value, place = _order(model), dict[str, Any](), -1
        self._no_attributes(node, location)
        self._no_text(node, location)
        for child in node:
            name = self._name(child, location)
            if name is None:
                continue
            here = [*location, name]
            if name not in order:
                self.refuse(here, N_("is not an element of CAP 1.2 here"))
                continue
            if order[name] < place or self.signed:
                self.refuse(here, N_("stands in the wrong place; CAP 1.2 fixes the order"))
            place = max(place, order[name])
            self._take(child, name, here, value)
        return value

    def _take(
        self, child: etree._Element, name: str, here: list[str | int], value: dict[str, Any]
    ) -> None:
        if name not in _REPEATED:
            if name in value:
                self.refuse(here, N_("is given twice"))
            value[name] = self._text(child, here)
            return
        items = value.setdefault(name, [])
        here = [*here, len(items)]
        nested = _NESTED.get(name)
        items.append(self.element(child, nested, here) if nested else self._text(child, here))

    def _name(self, child: etree._Element, location: list[str | int]) -> str | None:
        """A CAP element's name, or None for a signature (which may only end the alert)."""
        qualified = etree.QName(child)
        if qualified.namespace == NAMESPACE:
            return qualified.localname
        if qualified.namespace == SIGNATURE_NAMESPACE and not location:
            self.signed = True
            return None
        self.refuse([*location, qualified.localname], N_("is not in the namespace of CAP 1.2"))
        return None

    def _text(self, node: etree._Element, location: list[str | int]) -> str:
        self._no_attributes(node, location)
        if len(node):
            self.refuse(location, N_("must be text, without elements inside"))
        return node.text or ""

    def _no_attributes(self, node: etree._Element, location: list[str | int]) -> None:
        if any(name != _SCHEMA_LOCATION for name in node.attrib):
            self.refuse(location, N_("must not have attributes"))

    def _no_text(self, node: etree._Element, location: list[str | int]) -> None:
        pieces = [node.text, *(child.tail for child in node)]
        if any(piece and piece.strip(_WHITE) for piece in pieces):
            self.refuse(location, N_("must not hold text between its elements"))


def read_xml(data: bytes) -> Reading:
    """Read a CAP 1.2 alert, and say whether it was signed.

    Raises:
        TooLargeError: It is over 256 KiB.
        InvalidInputError: It isn't XML, has a DTD, or isn't a CAP 1.2 alert; `field` says where.
    """
    root = _parse(data)
    if root.tag != f"{{{NAMESPACE}}}alert":
        raise InvalidInputError(f"The document isn't an alert of {NAMESPACE}.", field="alert")
    reader = _Reader()
    value = reader.element(root, Alert, [])
    if reader.problems:
        raise refuse(reader.problems)
    try:
        alert = Alert.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as error:
        raise refuse_validation(error) from None
    return Reading(alert, reader.signed)


def from_xml(data: bytes) -> Alert:
    """Read a CAP 1.2 alert; a signature at its end is accepted and dropped. Errors: `read_xml`."""
    return read_xml(data).alert


def to_xml(alert: Alert) -> bytes:
    """An alert as UTF-8 XML that validates against the schema of CAP 1.2."""
    prefixes: Any = {None: NAMESPACE}  # lxml-stubs has no default namespace
    root = etree.Element(f"{{{NAMESPACE}}}alert", nsmap=prefixes)
    _write(root, to_json(alert))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _write(parent: etree._Element, value: dict[str, Any]) -> None:
    for name, content in value.items():
        for item in content if isinstance(content, list) else [content]:
            child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
            if isinstance(item, dict):
                _write(child, item)
            else:
                child.text = _scalar(item)


def _scalar(item: str | float) -> str:
    if isinstance(item, float):  # xs:decimal has no exponent; heights carry three decimals
        return f"{item:.3f}".rstrip("0").rstrip(".")
    return str(item)


def _parse(data: bytes) -> etree._Element:
    if len(data) > MAX_BYTES:
        raise TooLargeError(f"The alert is over {MAX_BYTES // 1024} KiB.", field="alert")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,  # libxml2's own bounds on depth (256) and expansion stay on
        remove_comments=True,  # a comment would split its neighbour's text in two
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise InvalidInputError(
            f"The alert isn't well-formed XML: line {line}, column {column}.", field="alert"
        ) from None
    except (LookupError, ValueError):  # an encoding nobody knows
        raise InvalidInputError("The alert isn't readable XML.", field="alert") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvalidInputError(
            "The alert has a document type or entities, which are refused.", field="alert"
        )
    return root
