"""The words of a reply, each with the class that the grammar knows it by.

Order is precedence: at each place of a text the first pattern that fits is taken, so a longer
phrase stands before the word inside it (没问题 before 没). What no pattern knows is UNKNOWN, and
one unknown character is enough for a reply not to count. The words are those of DOMAIN.md's table
with the forms that people write them in; adding one is a decision about what counts as an answer,
so it comes with cases in tests/unit/replies.toml.
"""

import re
from enum import StrEnum
from typing import Final

from alertd.decide.grammar import numbers


class Part(StrEnum):
    """What a piece of a reply is. One letter each, so that a reply's shape is a string."""

    RECEIVED = "R"
    DONE = "D"
    ON_POST = "P"
    AWAY = "U"
    OPT_OUT = "O"
    PROMISE = "W"  # will do, or is doing: says that the message was read, and no more
    CALM = "S"  # all is well here
    FILLER = "F"
    AFTER = "A"  # a courtesy that only makes sense behind an answer
    REPLYING = "E"  # 回, in front of an answer
    NAME = "N"  # of somebody whom the message named
    CODE = "C"  # an alert's short code
    UNIT = "G"
    DRILL = "Y"  # takes the alert for an exercise: 演练收到
    NUMBER = "n"
    PEOPLE = "m"  # a number of people
    FRACTION = "f"  # so many of so many
    TALLY = "X"  # 应转40 已转35 未转5
    REST = "L"  # 还有5人
    PLUS = "+"
    ASK = "?"
    DENY = "!"
    UNKNOWN = "_"
    GAP = " "


NAME_MARKS: Final = "\ue000-\uf8ff"  # stand for names while a reply is read; see tokens


def _latin(words: str) -> str:
    return rf"(?<![a-z])(?:{words})(?![a-z])"


_END = r"(?=[\s,。!、;]|$)"
_BY_NOW = r"(?:已经|已|现已|均|都|全部|全|目前|至今|现在|刚才|刚刚?|现|安全|顺利)"
_WHO = r"(?:人员|群众|村民|居民|住户|危房户|低洼户|老人|任务|工作|对象)"
_MOVE = r"(?:转移|撤离|疏散|转出|撤出)"
_AS_ASKED = r"(?:按(?:要求|清单))?"  # only behind 已: 按清单完成 may be meant to come
_TO_SAFETY = r"(?:[到至](?:安置点|避灾安置点|避灾点|安全(?:地带|地方|区域|处)))?"
_IN_ALL = r"(?:一共|总共|累计|合计|共计?)"
_ENDED = r"(?:完成|完毕)"
_DONE = "|".join(
    (
        rf"{_WHO}?{_BY_NOW}{{0,3}}{_MOVE}{_WHO}?{_BY_NOW}{{0,3}}(?:{_ENDED}|完了?|好了|到位|结束)了?",
        (
            rf"{_WHO}?{_BY_NOW}{{0,2}}已经?{_AS_ASKED}{_BY_NOW}{{0,2}}"
            rf"(?:{_MOVE}完?了?{_WHO}?{_TO_SAFETY}|转了?(?=[ :]?\d))"
        ),
        rf"{_BY_NOW}{{0,3}}{_MOVE}了{_WHO}?{_TO_SAFETY}",
        rf"{_IN_ALL}(?:已经?)?{_MOVE}了?{_WHO}?(?=[ :]?[\d一二两三四五六七八九十])",
        # 完毕 alone says no more than that a message ends: 收到,完毕
        (
            rf"(?:{_WHO}?{_BY_NOW}{{0,3}}(?:(?<=已){_AS_ASKED})?完成|(?:{_WHO}|{_BY_NOW}){{1,4}}完毕)了?"
            rf"(?:{_MOVE}{_WHO}?|任务|工作)?了?"
        ),
        _latin("all done|done|completed|finished|evacuated"),
    )
)
_IN_PLACE = r"(?:到岗到位|在岗在位|到岗|到位|就位|在岗|上岗)"
_ON_POST = "|".join(
    (
        rf"(?:人员|全员|人)?{_BY_NOW}{{0,3}}{_IN_PLACE}了?",
        r"已经?(?:到达|抵达)(?:岗位|现场)了?|(?:到达|抵达)岗位",
        rf"(?:已经?|刚刚?)到达?(?:现场)?了?{_END}|到达?现场了{_END}|(?:已经?|人)?在现场{_END}",
        _latin("on post|in position|on site|at (?:my )?post"),
    )
)
_SMS = r"(?:通知|短信|信息|消息|指令|任务|预警)"
_YOUR_SMS = rf"(?:(?:您|你们?)的)?{_SMS}{{0,2}}"
_TAKEN = r"(?:收到|收[道倒]|[受守首手]到|(?<![a-z])(?:yi ?)?shou ?dao(?: ?le)?(?![a-z]))"
"""收到, also as input methods and ears have it."""
_READ = rf"(?:{_TAKEN}|收悉|知悉|知晓|知道|晓得|明白|了解|清楚|已阅知?|有数(?![字据量]))"
_ALARM = (
    r"(?:[红橙黄蓝]色)?(?:台风|暴雨|洪水|强降雨)?(?:[红橙黄蓝]色)?(?:预警|警报|应急响应)(?:信号)?"
)
_RECEIVED = "|".join(
    (
        (
            rf"{_SMS}{{0,2}}(?:已经|已|都|均|全部|现已|刚刚?才?|刚才|才)?{_READ}"
            rf"(?:{_ALARM})?{_YOUR_SMS}(?:了(?!解))?"
        ),
        rf"已读|已经?看到{_SMS}?了?|(?:都|刚刚?才?|刚才|才)?看到{_SMS}?了|(?:刚刚?才?|才)看到{_SMS}?{_END}",
        (
            r"好的呢?|好[嘞滴咧哒哉勒嘅]|好了?[啊呀](?!像)"
            r"|好{1,3}(?=$|[\s,。.!;、~]|收到|谢|领导|主任|书记)"
        ),
        r"(?<![a-z])(?:(?:ok){1,3}|okay|(?<!\d)0k)的?(?![a-z])",
        _latin(r"received|got it|roger(?: that)?|copy(?: that)?|understood|noted|ack|sd"),
    )
)
_NOT_ABOUT_OTHERS = (
    r"(?!人员|群众|村民|居民|的|者|条|单|务工|.{0,4}(?:结束|取消|销|回来|回岗|期满|完))"
)
_TODAY = r"(?:今天|今日|现在|目前|已)?"
AWAY_FOR_SURE: Final = re.compile(r"不在岗|假|出差|住院|在外地")
"""Being away in words that a remark may follow (请假到周五); 外出 isn't one: 外出巡查 is work."""
_GONE = "|".join(
    (
        r"(?:今天|今日|现在|目前|现|人|都)?(?:不在岗位?|不在(?:本地|家|单位|村里)?(?=[\s,。!]|$))",
        rf"(?:现在|目前|人)?不在(?![我他她它你您这那该名意乎话于少])[一-鿿]{{2,4}}{_END}",
        rf"{_TODAY}在?(?:请[病事年产婚丧]?假|休[年病产]?假|[病事年产]假)[中了]?{_NOT_ABOUT_OTHERS}",
        rf"{_TODAY}外出(?:中|了|办事|开会|学习|培训|就医)?{_NOT_ABOUT_OTHERS}",
        rf"{_TODAY}(?:正?在?出差|正?在?住院|人?在(?:外地|外省|国外|老家|医院)|生病)[中了]?"
        + _NOT_ABOUT_OTHERS,
        rf"{_TODAY}(?:实在|暂时)?(?:走不开|[抽脱]不(?:开|了)身|赶?回不来|调休|轮休|(?<=[天日])休息)了?{_END}",
        rf"(?:已经?)?(?:去|回)了?(?:外地|外省|老家|国外)了{_END}",
        _latin("unavailable|not available|on leave|away|off duty|not on duty"),
    )
)
_AWAY = rf"(?:(?:但是?|不过|可是|只是)[ ,]?)?(?:我们?|本人)?(?:{_GONE})"
_SOON = (
    r"(?:马上|立即|立刻|即刻|立马|这就|正在|现在就|现在|一定|会|将|我去"
    r"|按要求|遵照|坚决|继续|抓紧|尽快|随时|加强|认真|严格|保证|确保|争取|力争)"
)
_ACT = (
    r"(?:落实|执行|行动|办理|去办|办|处理|安排|部署|组织|转移|撤离|到岗|到位|出发|通知|完成|赶到|赶来"
    r"|赶往|赶过去|过去|过来|前往|传达|转达|开展|巡查|排查|响应|敲门|上门|入户|值守|值班|待命"
    rf"|去|来|到{_END})"
)
_CLOCK = r"\d{1,2}(?:[时点](?:\d{1,2}分|半)?|:\d{2})"
_BEFORE = rf"(?:今[天日晚]|上午|中午|下午|晚上)?{_CLOCK}(?:之|以)?前"
_PASSED_ON = r"(?:通知|传达|转达|转发|转告|部署|布置|安排|落实)"
_TO = r"(?:到[位户人]|下去|完毕)"
_THEM = r"(?:群众|人员|居民|村民|住户|任务|工作)?"
_PROMISE = "|".join(
    (
        rf"(?:{_SOON}|{_BEFORE}){{1,4}}(?:全部|去|组织|安排)?{_ACT}{{1,2}}{_THEM}",
        r"照办|遵命|(?:已经?|正)?在(?:[来去赶]{1,2}的)?路上",
        # Has told others of it: whether anybody has acted on it is another question.
        rf"(?:已(?:经|全部|都)?{_PASSED_ON}{_THEM}|{_PASSED_ON}(?=到[位户人])){_TO}?了?{_END}",
    )
)
_ASK = (
    r"\?|吗|嘛|么|呢|吧|是否|是不是|有没有|能不能|可不可以|什么|怎么|为何|哪"
    rf"|{_latin('why|what|who|when|how|where')}"
)
_DENY = (
    r"[没未不无勿弗呒别非否莫甭难误错]|(?<![a-z])[a-z]{2,6}n't(?![a-z])"
    rf"|{_latin('no|not|never|none|nobody|cannot|without|cant|dont|didnt|wont|havent|isnt')}"
)
_HERE = (
    r"(?:我们?|本|咱们?|俺们?)"
    r"(?:网格|社区|街道|片区|小区|小组|单位|部门|村|镇|乡|组|处|这边|这里|这|方)"
)
_TITLE = r"(?:各位领导|领导|指挥部|防指|网格员|网格长|楼道长|组长|书记|主任|同志)"
_FILLER = "|".join(
    (
        # A title is a form of address, or stands before a name: 书记已到岗 is about somebody else.
        rf"{_TITLE}(?=[{NAME_MARKS},:])",
        r"您好|你好|(?:早上|上午|中午|下午|晚上|领导|大家)好|晚安|(?:谢谢|感谢)(?:您|领导|提醒|通知|关心){0,2}",
        r"谢了|多谢|(?:(?:各位|大家|您|领导)辛苦|辛苦)[了啦]?|(?:请?大家|你们?)?注意安全",
        # Which alert it was: the name of the thing, in front of an answer or of the code.
        (
            rf"(?:{_ALARM}|(?:[红橙黄蓝]色)?(?:台风|暴雨))"
            rf"(?= ?(?:[a-z]\d{{1,3}} ?)?(?:已|均|都)?{_TAKEN})"
        ),
        r"(?<=\[)(?:握手|抱拳|合十|强|赞|微笑|呲牙|愉快|玫瑰|鼓掌|加油|奋斗)(?=\])",
        rf"(?:是的?|对的?|行|可以)(?=[\s,。!、;]+(?:好的|{_READ}))",
        # In front of a count, which is a total whether it is the first or not.
        r"人数[ :]?(?=\d)|更正(?:为|一下)?|改[为成]",
        rf"截[至止]到?(?:目前|现在|(?:今[天日晚早])?{_CLOCK}|今[天晚])",
        _HERE,
        r"我是|我们|本人|咱们|俺们|[我俺咱了啊哦噢喔啦哈呀哟嗯嘞咯喽哉叻勒拉呐咧滴嗳哎诶唉喂]",
        _latin("thanks?|thank you|thx|sir"),
        "[👌👍🆗🙏🫡💪😊🙂😀😄😁🤝✅☑✔✓🌹👏❤♥]",
    )
)
_CALM = (
    r"没有?问题|(?:(?:这里|我?们?村里)?(?:目前|现在|暂时?)?|目前暂?|暂时?)"
    r"(?:一切(?:正常|安好|平安)|情况正常|(?:没有|无|未发现)(?:异常|险情|积水|灾情)(?:情况)?"
    r"|无(?:人员?|群众)?(?:伤亡|受伤)|正常|平安|安全)"
)
_UNIT_KIND = r"(?:网格|社区|片区|楼栋|楼道|单元|号楼|小区|街道|村|镇|乡|组|幢|栋|弄)"
_NUMBERED = rf"第?[0-9]{{1,4}}号?{_UNIT_KIND}"
_UNIT = (
    rf"网格 ?[0-9]{{1,4}}(?![0-9])|(?:[一-鿿]{{0,10}}?{_NUMBERED}|[一-鿿]{{1,10}}?{_UNIT_KIND})"
    rf"(?:[一-鿿]{{0,6}}?{_NUMBERED}|[一-鿿]{{1,6}}?{_UNIT_KIND}){{0,2}}"
)

_STOP = r"(?<![a-z0-9])(?:t ?d|t|stop|unsubscribe)(?![a-z0-9])"

_PATTERNS: tuple[tuple[Part, str], ...] = (
    (Part.NAME, f"[{NAME_MARKS}]"),
    (Part.TALLY, numbers.TALLY),
    (Part.AWAY, _AWAY),
    (Part.CALM, _CALM),
    (Part.FILLER, r"抱歉|不好意思|对不起"),  # before 不 denies
    (Part.REST, numbers.REST),
    (Part.ASK, _ASK),
    (Part.DENY, _DENY),
    (Part.PROMISE, _PROMISE),
    (Part.DONE, _DONE),
    (Part.ON_POST, _ON_POST),
    (Part.RECEIVED, _RECEIVED),
    (
        Part.DRILL,
        rf"(?:本次|此次)?(?:演练|{_latin('drill|exercise')})(?:通知|短信|信息|消息|预警)?",
    ),
    (Part.OPT_OUT, rf"(?:我?要|请|申请)?退订(?:短信)?|取消订阅|{_STOP}"),
    (
        Part.CODE,  # also A 7 and A-7, where an answer follows
        (
            r"(?:编号|代码|代号)?(?<![a-z])"
            r"(?:[a-z]\d{1,3}(?![a-z0-9])号?|[a-z][ \-]\d{1,3}(?![a-z0-9])(?=[ ,:+。、]*[^\s,。!]))"
        ),
    ),
    (Part.FILLER, _FILLER),
    (Part.AFTER, rf"请?(?:领导)?放心|完毕|{_TITLE}"),
    (Part.UNIT, _UNIT),
    # 35个人 and 12户35人 are more than the 35个 and 12户 that are no answer.
    (Part.PEOPLE, numbers.PEOPLE),
    (Part.UNKNOWN, numbers.NOT_AN_ANSWER),
    (Part.FRACTION, numbers.FRACTION),
    (Part.NUMBER, numbers.NUMBER),
    (Part.REPLYING, r"(?:我|已)?(?:回复|答复|回)[ :]?(?=[0-4一二三四零]|收到|td?(?![a-z])|退订)"),
    (Part.PLUS, r" ?\+ ?"),
    (Part.UNKNOWN, r"(?<=[0-9a-z])[.\-](?=[0-9a-z])"),
    (Part.GAP, r"[\s,。.、;:!~…·\"'()\[\]<>{}《》「」『』*#_|\-]+"),
    (Part.UNKNOWN, r"[a-z]+|."),
)
PARTS: Final = tuple(part for part, _ in _PATTERNS)
PATTERN: Final = re.compile(
    "|".join(f"({pattern})" for _, pattern in _PATTERNS), re.DOTALL | re.ASCII
)
"""One group a class: `PARTS[match.lastindex - 1]`. Every character is matched by something."""

MUST_NOT_BE_IN_A_UNIT: Final = re.compile(
    rf"{_DENY}|{_ASK}|收到|完成|到岗|转移|[他她它各每全哪某别我咱俺]|本(?=网格|社区|村)|其他|隔壁|部分|有些|大家"
)
