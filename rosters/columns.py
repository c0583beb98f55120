"""The columns of the three roster files, and what their headers may be called."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from rosters.words import fold


class FileKind(StrEnum):
    """The three files that make a roster."""

    PEOPLE = "people"
    TERMINALS = "terminals"
    GROUPS = "groups"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        key: The English header and the field's name in problems.
        zh: The Chinese header.
        synonyms: Other headers in use.
        required: Whether a file without it is refused.
        limit: The longest text, in characters.
    """

    key: str
    zh: str
    synonyms: tuple[str, ...] = ()
    required: bool = False
    limit: int = 64


_PHONE_WORDS = (
    *("手机号", "手机号码", "手机1", "联系手机", "移动电话", "电话", "电话号码", "联系电话"),
    *("联系方式", "联系号码", "移动电话号码"),
    *("phone number", "mobile"),
)
_CODE_WORDS = ("区域编码", "区划代码", "单位代码", "编码")
_UNIT_WORDS = ("区域名称", "所属单位", "单位")

COLUMNS: Mapping[FileKind, tuple[Column, ...]] = MappingProxyType(
    {
        FileKind.PEOPLE: (
            Column("person_id", "人员编号", ("编号", "工号", "人员ID"), required=True),
            Column("name", "姓名", ("人员姓名", "名字"), required=True),
            Column(
                "unit_code",
                "单位编码",
                ("区域编码", "区划代码", "单位代码", "编码"),
                required=True,
                limit=32,
            ),
            Column(
                "unit_name", "单位名称", ("区域名称", "所属单位", "单位"), required=True, limit=100
            ),
            Column("unit_level", "层级", ("单位层级", "级别"), required=True, limit=20),
            Column(
                "parent_code", "上级编码", ("上级单位编码", "父级编码"), required=True, limit=32
            ),
            Column("official_code", "官方编码", ("官方网格编码", "网格编码"), limit=40),
            Column("post", "岗位", ("职务", "岗位名称")),
            Column("rank", "顺位", ("AB角", "排序", "序位"), limit=10),
            Column("roles", "角色", ("人员角色",), limit=300),
            Column("party_member", "党员", ("是否党员", "政治面貌"), limit=10),
            Column("phone", "手机", _PHONE_WORDS, limit=40),
            Column("phone2", "备用手机", ("手机2", "备用电话", "电话2"), limit=40),
            Column("short_phone", "短号", ("虚拟网短号",), limit=40),
            Column("chat_id", "群聊账号", ("聊天账号", "微信号")),
            Column("channels", "渠道", ("通知渠道", "联系渠道"), limit=100),
            Column("language", "语言", (), limit=20),
            Column("on_duty_from", "值班开始", ("上岗时间",), limit=20),
            Column("on_duty_to", "值班结束", ("下岗时间",), limit=20),
            Column("households", "户数", (), limit=12),
            Column("vulnerable", "重点人员", ("弱势人员", "重点人员数"), limit=12),
            Column("should_transfer", "应转移", ("应转", "应转移人数"), limit=12),
            Column("shelter", "安置点", ("避灾安置点", "避灾点"), limit=100),
            Column("verified_at", "核实日期", ("核验日期", "核实时间"), limit=40),
            Column("note", "备注", ("说明",), limit=500),
        ),
        FileKind.TERMINALS: (
            Column("terminal_id", "终端编号", ("喇叭编号", "设备编号"), required=True),
            Column("unit_code", "单位编码", ("区域编码", "区划代码"), required=True, limit=32),
            Column("name", "名称", ("终端名称", "安装位置"), required=True, limit=100),
            Column("lon", "经度", ("longitude",), limit=24),
            Column("lat", "纬度", ("latitude",), limit=24),
            Column("volume", "音量", (), limit=12),
        ),
        FileKind.GROUPS: (
            Column("group_id", "群编号", ()),
            Column("unit_code", "单位编码", ("区域编码", "区划代码"), required=True, limit=32),
            Column("kind", "类型", ("群类型", "平台"), required=True, limit=20),
            Column("url", "地址", ("机器人地址", "webhook"), required=True, limit=1000),
            Column("secret", "密钥", ("签名密钥", "加签密钥"), limit=300),
        ),
    }
)

_MARKS = str.maketrans("", "", "*:_")


def _fold(header: str) -> str:
    return fold(header).translate(_MARKS).removesuffix("(必填)").removesuffix("(required)")


_BY_HEADER = {
    kind: {_fold(word): column for column in columns for word in (column.key, column.zh)}
    | {_fold(word): column for column in columns for word in column.synonyms}
    for kind, columns in COLUMNS.items()
}


def column_of(kind: FileKind, header: str) -> Column | None:
    """The column that a header names, or None; marks such as `*` and `(必填)` don't matter."""
    return _BY_HEADER[kind].get(_fold(header))


def column_name(key: str) -> str:
    """What a column is called in Chinese; both names where two files differ, the key if unknown."""
    names = {
        column.zh: None for columns in COLUMNS.values() for column in columns if column.key == key
    }
    return "/".join(names) or key


def headers(kind: FileKind, language: str) -> list[str]:
    """The headers of a file as we write it."""
    chinese = language.startswith("zh")
    return [column.zh if chinese else column.key for column in COLUMNS[kind]]


def required_headers(kind: FileKind, language: str) -> str:
    """The headers that a file can't do without, in one line."""
    chinese = language.startswith("zh")
    names = [column.zh if chinese else column.key for column in COLUMNS[kind] if column.required]
    return ("、" if chinese else ", ").join(names)


@dataclass(frozen=True, slots=True)
class Header:
    """A header row, understood.

    Args:
        columns: The column of each place, None where it isn't known.
        missing: Keys of required columns that aren't there.
        unknown: Headers that mean nothing to us.
        repeated: Keys of columns that are there more than once.
    """

    columns: tuple[Column | None, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    repeated: tuple[str, ...]


# Of the people file one of these has to be there: else a header is misspelt, and nobody is told.
_ADDRESSES = ("phone", "phone2", "short_phone", "chat_id")


def read_header(kind: FileKind, cells: Sequence[str]) -> Header:
    """Understand a header row."""
    columns = tuple(column_of(kind, cell) for cell in cells)
    keys = [column.key for column in columns if column]
    return Header(
        columns=columns,
        missing=(
            *(c.key for c in COLUMNS[kind] if c.required and c.key not in keys),
            *(["phone"] if kind is FileKind.PEOPLE and not set(_ADDRESSES) & set(keys) else ()),
        ),
        unknown=tuple(
            cell for cell, column in zip(cells, columns, strict=True) if cell.strip() and not column
        ),
        repeated=tuple(sorted({key for key in keys if keys.count(key) > 1})),
    )


def required_in(kind: FileKind, cells: Iterable[str]) -> int:
    """How many required columns a row of cells names."""
    columns = (column_of(kind, cell) for cell in cells)
    return len({column.key for column in columns if column and column.required})


def find_header(kind: FileKind, rows: Iterable[Sequence[str]]) -> int | None:
    """Which of the first rows is the header (0…), or None: a title may stand above it.

    Of a header in two rows it is the one that names more columns.
    """
    wanted = sum(column.required for column in COLUMNS[kind])
    known = [
        sum(column_of(kind, cell) is not None for cell in row)
        if required_in(kind, row) * 2 >= wanted
        else 0
        for row in rows
    ]
    return known.index(max(known)) if any(known) else None
