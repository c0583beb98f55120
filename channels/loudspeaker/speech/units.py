"""What units are called, and before which words a 2 is 两; data and nothing else."""

import re

# Written as NFKC leaves them: m³ is m3, ℃ is °C.
CHINESE_UNITS = {
    "m3/s": "立方米每秒",
    "km/h": "公里每小时",
    "mm/h": "毫米每小时",
    "m/s": "米每秒",
    "km2": "平方公里",
    "m3": "立方米",
    "m2": "平方米",
    "km": "公里",
    "cm": "厘米",
    "mm": "毫米",
    "hPa": "百帕",
    "kPa": "千帕",
    "kW": "千瓦",
    "kV": "千伏",
    "kg": "公斤",
    "min": "分钟",
    "h": "小时",
    "m": "米",
    "t": "吨",
    "L": "升",
    "V": "伏",
    "s": "秒",
}
ENGLISH_UNITS = {
    "m3/s": "cubic metres per second",
    "km/h": "kilometres per hour",
    "mm/h": "millimetres per hour",
    "m/s": "metres per second",
    "km2": "square kilometres",
    "m3": "cubic metres",
    "m2": "square metres",
    "km": "kilometres",
    "cm": "centimetres",
    "mm": "millimetres",
    "hPa": "hectopascals",
    "°C": "degrees",
    "%": "per cent",
    "m": "metres",
}

# 2 is 两 before these; before 月, 日, 时, 分, 级, 号, 楼, 期, 组 … it is 二.
_COUNTED = (
    *("小时", "分钟", "秒", "天", "周", "个", "年", "点"),
    *("毫米", "厘米", "米", "公里", "千米", "里", "亩", "公斤", "吨", "升", "倍", "成"),
    *("平方", "立方", "千", "万", "亿", "人", "名", "位", "户", "家", "口", "次", "遍", "处"),
    *(
        "座",
        "条",
        "栋",
        "幢",
        "间",
        "层",
        "艘",
        "辆",
        "台",
        "部",
        "根",
        "件",
        "份",
        "种",
        "批",
        "片",
        "块",
    ),
    *("岸", "侧", "镇", "村", "乡", "县", "市", "区", "车道"),
)
IS_COUNTED = re.compile("|".join(sorted(_COUNTED, key=len, reverse=True)))


def any_of(units: dict[str, str]) -> str:
    """A pattern for one of `units`, the longest first, that no letter follows."""
    names = sorted(units, key=len, reverse=True)
    return f"(?:{'|'.join(re.escape(name) for name in names)})(?![A-Za-z0-9])"
