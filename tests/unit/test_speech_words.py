"""What is said of a text: every number, unit, time and mark, by table."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.loudspeaker.speech import chinese, english
from channels.loudspeaker.speech.chinese_numbers import whole

QUANTITIES = {
    "0": "零",
    "2": "二",
    "10": "十",
    "12": "十二",
    "20": "二十",
    "110": "一百一十",
    "105": "一百零五",
    "200": "二百",
    "1001": "一千零一",
    "1010": "一千零一十",
    "2000": "两千",
    "2202": "两千二百零二",
    "10000": "一万",
    "10010": "一万零一十",
    "12000": "一万两千",
    "20000": "两万",
    "100500": "十万零五百",
    "120000": "十二万",
    "1050000": "一百零五万",
    "100000001": "一亿零一",
    "100010000": "一亿零一万",
    "230000000": "两亿三千万",
    "007": "零零七",
    "1234567890123": "一二三四五六七八九零一二三",
}

CHINESE = {
    # times and dates
    "18时前": "十八时前",
    "2时": "二时",
    "18时30分": "十八时三十分",
    "8时05分": "八时零五分",
    "2点15分": "两点十五分",
    "08:30": "八点三十分",
    "08:05": "八点零五分",
    "2:00": "两点",
    "18：00": "十八点",
    "0:00": "零点",
    "24:00": "二十四点",
    "08:30:05": "八点三十分零五秒",
    "08:30-10:00": "八点三十分到十点",
    "2026-11-26": "二零二六年十一月二十六日",
    "2026/1/6": "二零二六年一月六日",
    "2026.11.26": "二零二六年十一月二十六日",
    "2026年11月26日": "二零二六年十一月二十六日",
    "11月26日18时": "十一月二十六日十八时",
    "10月2日": "十月二日",
    "2小时": "两小时",
    "2天内": "两天内",
    "24小时": "二十四小时",
    # measures
    "2.5米": "二点五米",
    "2米": "两米",
    "50 mm": "五十毫米",
    "50mm": "五十毫米",
    "50毫米": "五十毫米",
    "50㎜": "五十毫米",
    "100-150mm": "一百到一百五十毫米",
    "80mm/h": "八十毫米每小时",
    "28.5m/s": "二十八点五米每秒",
    "120km/h": "一百二十公里每小时",
    "1200m³/s": "一千二百立方米每秒",
    "3㎡": "三平方米",
    "5 km": "五公里",
    "980hPa": "九百八十百帕",
    "3.05 m": "三点零五米",
    "0.5米": "零点五米",
    "38℃": "三十八摄氏度",
    "-5℃": "零下五摄氏度",
    "-5~3℃": "零下五到三摄氏度",
    "12级": "十二级",
    "2级": "二级",
    "8-10级": "八到十级",
    "8～10级": "八到十级",
    "10至12级": "十到十二级",
    "6—8小时": "六到八小时",
    "1-2天": "一到两天",
    "80%": "百分之八十",
    "99.5%": "百分之九十九点五",
    "10%-20%": "百分之十到百分之二十",
    "10~20%": "百分之十到百分之二十",
    "3‰": "千分之三",
    "2/3": "三分之二",
    "35/40": "三十五，四十",
    "1.5万人": "一点五万人",
    "2万人": "两万人",
    "12,000人": "一万两千人",
    "2户": "两户",
    "2人": "两人",
    "120人": "一百二十人",
    "-3": "负三",
    # numbers that are names
    "13800000001": "幺三八，零零零零，零零零幺",
    "电话13800000001": "电话幺三八，零零零零，零零零幺",
    "0574-62701234": "零五七四，六二七零幺二三四",
    "400-800-1234": "四零零，八零零，幺二三四",
    "拨打120": "拨打幺二零",
    "请拨打12345": "请拨打幺二三四五",
    "热线：95598": "热线，九五五九八",
    "已联系1000人": "已联系一千人",
    "A7": "A 七",
    "[A7]": "A 七",
    "B12": "B 十二",
    "G15高速": "G 十五高速",
    "S308省道": "S 三零八省道",
    "第2批": "第二批",
    "3#楼": "三号楼",
    "2号楼": "二号楼",
    "3-502": "三杠五零二",
    "1.2.3": "一点二点三",
    # marks
    "【演练】这是演练。": "演练，这是演练。",
    "转移完毕(重发)": "转移完毕，重发",
    "雨量≥50mm": "雨量大于等于五十毫米",
    "危房/低洼处": "危房、低洼处",
    "详见https://alertd.example/a1?b=2": "详见",
    "第一行\n第二行": "第一行。第二行",
    "注意!": "注意！",
    "今日１８时起": "今日十八时起",
    "没有数字": "没有数字",
    "": "",
}

ENGLISH = {
    "by 18:00": "by 18:00",
    "50 mm of rain": "50 millimetres of rain",
    "50mm": "50 millimetres",
    "28 m/s": "28 metres per second",
    "38℃": "38 degrees",
    "80%": "80 per cent",
    "Call 120 now": "Call 1 2 0 now",
    "Call 13800000001.": "Call 1 3 8, 0 0 0 0, 0 0 0 1.",
    "0574-62701234": "0 5 7 4, 6 2 7 0 1 2 3 4",
    "[A7]": "A 7",
    "【演练】This is a drill. Stay in.": "This is a drill. Stay in.",
    "Stay in. (resent)": "Stay in. resent",
    "see https://alertd.example/x now": "see now",
    "2 people": "2 people",
}


@pytest.mark.parametrize(("number", "words"), QUANTITIES.items())
def test_a_quantity(number: str, words: str) -> None:
    assert whole(number) == words


@pytest.mark.parametrize(("text", "words"), CHINESE.items())
def test_chinese(text: str, words: str) -> None:
    assert chinese.spoken(text) == words


@pytest.mark.parametrize(("text", "words"), ENGLISH.items())
def test_english(text: str, words: str) -> None:
    assert english.spoken(text) == words


def test_a_whole_announcement() -> None:
    text = (
        "【演练】余姚市防汛防旱指挥部通知:台风红色预警。今日18时起,沿海12级以上大风,雨量100~150mm。"
        "请在16:30前转移到避灾点,求助拨打0574-62701234。[A7](重发)"
    )
    assert chinese.spoken(text) == (
        "演练，余姚市防汛防旱指挥部通知，台风红色预警。今日十八时起，沿海十二级以上大风，"
        "雨量一百到一百五十毫米。请在十六点三十分前转移到避灾点，求助拨打零五七四，六二七零幺二三四。"
        "A 七，重发"
    )


@given(st.text(alphabet="0123456789.-~/:%,年月日时分米级户人A mkh℃()【】第#\n到至", max_size=40))
def test_no_digit_is_left_and_nothing_is_raised(text: str) -> None:
    assert not re.search(r"\d", chinese.spoken(text))


@given(st.text(max_size=60))
def test_any_text_can_be_spoken(text: str) -> None:
    assert not re.search(r"[0-9]", chinese.spoken(text))
    english.spoken(text)


@given(st.integers(min_value=0, max_value=10**12 - 1))
def test_a_quantity_can_be_read_back(number: int) -> None:
    assert read_back(whole(str(number))) == number


def read_back(words: str) -> int:
    """The other way round, by another rule than the one that wrote it."""
    total = part = digit = 0
    for sign in words.replace("两", "二"):
        if sign in "零一二三四五六七八九":
            digit = "零一二三四五六七八九".index(sign)
        elif sign in "十百千":
            part += (digit or 1) * 10 ** ("十百千".index(sign) + 1)
            digit = 0
        else:
            total += (part + digit) * {"万": 10**4, "亿": 10**8}[sign]
            part = digit = 0
    return total + part + digit
