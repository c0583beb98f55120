"""The vocabulary of a roster: levels, roles, languages and ways to reach a person, zh and en.

A word in a roster file may be the key, the Chinese or the English name, or a synonym in use; what
is kept is the key. Nothing here does I/O, so that resolving may import it.
"""

import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType


class Level(StrEnum):
    """A unit's place in the hierarchy. A parent's level is always above its child's."""

    CITY = "city"
    SUBDISTRICT = "subdistrict"
    COMMUNITY = "community"
    GRID = "grid"
    BUILDING = "building"

    @property
    def depth(self) -> int:
        """0 for the city … 4 for a building."""
        return _DEPTHS[self]

    def name_in(self, language: str) -> str:
        """What this level is called: Chinese for `zh…`, English for anything else."""
        zh, en = LEVEL_NAMES[self]
        return zh if language.startswith("zh") else en


_DEPTHS = {level: depth for depth, level in enumerate(Level)}

LEVEL_NAMES: Mapping[Level, tuple[str, str]] = MappingProxyType(
    {
        Level.CITY: ("市", "city"),
        Level.SUBDISTRICT: ("街道/镇", "subdistrict"),
        Level.COMMUNITY: ("社区/村", "community"),
        Level.GRID: ("网格", "grid"),
        Level.BUILDING: ("楼栋", "building"),
    }
)

_LEVEL_SYNONYMS = {
    Level.CITY: ("县级市", "县", "区", "county"),
    Level.SUBDISTRICT: ("街道", "镇", "乡", "乡镇", "镇街", "乡镇街道", "town", "township"),
    Level.COMMUNITY: ("社区", "村", "行政村", "村社", "village"),
    Level.GRID: (),
    Level.BUILDING: ("楼道", "单元", "楼栋/楼道", "幢", "楼", "stairwell"),
}

# Key: (zh, en). A city may use roles of its own beside these; the checker warns, as it may be a
# slip of the pen that leaves people out of every selection.
ROLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "city_lead": ("市级指挥", "City commander"),
        "city_duty": ("市级值班", "City duty desk"),
        "subdistrict_lead": ("镇街负责人", "Subdistrict lead"),
        "community_lead": ("村社负责人", "Community lead"),
        "grid_leader": ("网格长", "Grid leader"),
        "grid_member": ("网格员", "Grid member"),
        "building_lead": ("楼栋长", "Building lead"),
        "party_member": ("党员", "Party member"),
        "volunteer": ("志愿者", "Volunteer"),
    }
)

# Roles that come with a person, not with a post: an alternate grid leader is no alternate member.
PERSONAL_ROLES = ("party_member", "volunteer")

# Who answers for a unit of each level, and so who is told when the level below stays silent.
LEAD_ROLES: Mapping[Level, str] = MappingProxyType(
    {
        Level.CITY: "city_duty",
        Level.SUBDISTRICT: "subdistrict_lead",
        Level.COMMUNITY: "community_lead",
        Level.GRID: "grid_leader",
        Level.BUILDING: "building_lead",
    }
)

_ROLE_SYNONYMS = {
    "city_duty": ("市值班", "值班员", "应急值班", "市防指值班"),
    "subdistrict_lead": ("镇街包干领导", "街道负责人", "镇负责人"),
    "community_lead": ("社区书记", "村书记", "社区负责人", "村负责人"),
    "grid_member": ("专职网格员", "兼职网格员"),
    "building_lead": ("楼道长", "单元长", "stairwell lead"),
    "party_member": ("党员联户", "中共党员"),
    "volunteer": ("义工",),
}

LANGUAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "zh-CN": ("zh", "zh-hans", "zh_cn", "中文", "汉语", "普通话", "chinese"),
        "en": ("en-us", "en-gb", "英文", "英语", "english"),
    }
)

# How a person may be reached. `voice` is a call by hand; loudspeakers and groups aren't people's.
CHANNELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sms": ("短信",),
        "chat": ("群聊", "微信", "企业微信", "钉钉", "飞书", "im"),
        "voice": ("电话", "语音", "phone", "call"),
    }
)

GROUP_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "webhook": ("通用",),
        "wecom": ("企业微信", "wechat work"),
        "dingtalk": ("钉钉",),
        "dingwork": ("钉钉工作通知", "浙政钉", "政务钉钉"),
        "feishu": ("飞书", "lark"),
        "onebot": ("qq群", "qq"),
        "slack": ("mattermost", "rocket.chat"),
        "apprise": ("其他平台",),
        "mail": ("邮箱", "电子邮箱", "邮件", "email"),
        "poster": ("公告栏", "布告栏", "宣传栏"),
    }
)


@lru_cache(maxsize=4096)
def fold(word: str) -> str:
    """A word as it is compared: NFKC, no case, no space, hyphens as underscores."""
    folded = unicodedata.normalize("NFKC", word).casefold()
    return "".join(folded.split()).replace("-", "_")


def _index(table: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {fold(word): key for key, words in table.items() for word in (key, *words)}


_LEVELS = {
    fold(word): level
    for level in Level
    for word in (level, *LEVEL_NAMES[level], *_LEVEL_SYNONYMS[level])
}
_ROLES = _index({key: (*names, *_ROLE_SYNONYMS.get(key, ())) for key, names in ROLES.items()})
_LANGUAGES = _index(LANGUAGES)
_CHANNELS = _index(CHANNELS)
_GROUP_KINDS = _index(GROUP_KINDS)


def level_of(word: str) -> Level | None:
    """The level that a file's word means, or None."""
    return _LEVELS.get(fold(word))


def role_of(word: str) -> str | None:
    """The key of the known role that a word means, or None."""
    return _ROLES.get(fold(word))


def language_of(word: str) -> str | None:
    """The language tag that a word means, or None."""
    return _LANGUAGES.get(fold(word))


def channel_of(word: str) -> str | None:
    """The key of the way to reach a person that a word means, or None."""
    return _CHANNELS.get(fold(word))


def group_kind_of(word: str) -> str | None:
    """The key of the kind of chat group that a word means, or None."""
    return _GROUP_KINDS.get(fold(word))


def role_name(role: str, language: str) -> str:
    """What a role or post is called; one that a city made up is its own name."""
    names = ROLES.get(role)
    if names is None:
        return role
    return names[0] if language.startswith("zh") else names[1]
