"""Calls for help, found anywhere in a reply.

Every other answer must be understood to the last character. A call for help is the exception: a
false one costs somebody a telephone call, a missed one a life. So a clear word is enough, unless
it is itself denied (没有被困), asked (需要支援吗), settled (被困人员已救出) or conditional
(如需支援).
Each place where a word stands is judged by itself: `2人没有被困,1人被困` calls for help.
"""

import re
from enum import Enum, auto

_NEED = (
    r"(?:急需|急要|需要|需|请求|请|速来|快来|求|等待|等|盼|申请"
    r"|(?<!要不)要(?=支 ?援|增援|救援|帮忙))"
    r"(?:紧急|立即|马上|尽快|上级|派人|有人|来人){0,2}来?"
)
_AID = r"(?:支 ?援|增援|救援|援助|帮助|帮忙|救助|协助|人手)"
_SENT = r"(?:人(?![员数])|船|车|医生|医护|部队|消防|冲锋舟|橡皮艇|皮划艇)"
_MEANS = r"(?:船|车(?![祸库道])|冲锋舟|橡皮艇|皮划艇|直升机|救护车|担架|轮椅|氧气|救生衣)"
_WE_SEND = r"(?!人?员?(?:去|前往|上门|巡|转移|通知|查|排|敲|到|守))"  # 尽快派人去通知 is no call
_STOP = r"(?:[\s,。!啊呀]|$)"
_END = f"(?={_STOP})"
_START = r"(?:^|(?<=[\s,。!;]))"
_SOME = r"(?:点|些|(?:几|两|[一二三四五六七八九十]|\d{1,2})?[个条只艘辆架名位])?"
_FLOATS = r"(?:船|冲锋舟|橡皮艇|皮划艇|救护车)"
_CRY = (  # can't be denied by a "nobody" before it: 没人来救 is a call
    r"救 ?命|救救|救我|快救|来救|(?<!抢)(?<!营)救人(?![员数])"
    r"|🆘|(?<![a-z])(?:s\.?o\.?s|mayday)(?![a-z])"
    r"|快来人|(?<![风雨水潮很])快来(?![不了到临齐领])|来人[啊呀呐]|帮帮|(?:快|赶紧|赶快)帮忙"
    rf"|(?<!已)(?<!已经)(?<!马上)(?<!立即)(?<!我)(?<!我们)派{_SOME}{_SENT}(?:过来|来)"
    r"|(?:请|快|速|赶紧|赶快|求|能不能|能否|可否|可不可以|望|盼)"
    rf"(?:再|赶紧|赶快|尽快|立即|马上|上级|领导|你们|街道|镇里){{0,2}}派{_WE_SEND}(?!出所|送|发)"
    r"|怎么还[不没]有?人?[来到]|(?<![可不])能(?:来)?帮忙|(?<![我们去人过])来帮忙"
    rf"|(?:能否|能不能|可否|可不可以|能来|可以来?)(?:派人)?来?{_AID}"
)
_STATE = (
    r"求 ?助|求 ?救|被 ?困|受 ?困|困 ?住|困在(?!难)|围困|呼救|求援|告急|遇险|被埋|溺水|落水"
    r"|被[水洪].{0,2}围|出不[来去]|逃不出|掉[到进下在].{0,2}[水河江沟井湖海塘]"
    r"|有人(?:受伤|重伤|骨折|掉|死)|触电|失踪|[人孩]子?不见了|晕倒|昏迷|要生了|难产|死人|出人命"
    r"|[人我爷奶爸妈](?:快|要)?不行了"
    r"|水[^,。]{0,3}[到过]了?(?:胸|脖|头顶|屋顶)|(?:需要?|急需|(?<!要不)要|请)送医|叫120"
    r"|[撑顶守挡扛]不住|着火|起火|失火|煤气泄漏|泥石流来"
    r"|(?:塌|垮|决堤|决口|溃坝|溃堤|滑坡|塌方)(?:下来)?了"
    r"|(?:发生|出现).{0,3}(?:滑坡|塌方|泥石流|倒塌|垮塌|决堤|决口|溃)"
    r"|情况[^不没,。]{0,2}(?:危急|紧急|危险)"
    r"|(?:急需|急要|需要|需|请求|求|(?<![主重])(?<!要不)要|申请|(?<!已)(?<!已经)叫(?=救护))"
    rf"(?:[一几两\d]?[条艘辆个架副]|点|些)?{_MEANS}"
    rf"|(?:需要?|急需|(?<!要不)要)派{_SENT}?{_WE_SEND}"
    rf"|(?<!已)(?<!已经)(?<!马上)(?<!立即)(?<!正在)派{_FLOATS}(?![去前接转])"
    r"|(?<![a-z])(?:(?:need|send)(?: an?)? (?:rescue|boat|ambulance|doctor)|rescue (?:us|me))"
    rf"|{_NEED}{_AID}|(?<![a-z])(?:help(?: ?me)?|trapped)(?![a-z])"
)
_NOW = r"(?:快点?|赶紧|赶快|尽快|火速|速|马上|立即)"
_DO = rf"(?:帮(?:忙|我们?)?|{_NOW}|麻烦)"
# The same call in other words, in pinyin, and as input methods mishear it.
_CALLED = "|".join(
    (
        rf"{_NOW}(?:来{_SOME}人(?![了员数])|救)|(?:快点|赶紧|赶快|火速)(?:来{_END}|派人(?![去员]))",
        r"(?<![我们了])来(?:几|两|[三四五六七八九十])个人(?=帮|救|抬|背|$)",
        rf"{_START}(?:快|请)?来{_SOME}{_FLOATS}|有没有{_FLOATS}|有{_FLOATS}[吗么嘛]",
        rf"(?:能|可以)(?:再|{_NOW}){{0,2}}派{_SENT}[^,。]{{0,4}}[吗么嘛]",
        rf"{_DO}[打拨]1(?:10|19|20)|{_DO}报警|(?<!已)(?<!已经)叫(?:消防|救援队)",
        rf"{_START}(?:帮忙|帮我们?|帮个忙|(?:叫|要)?救援队?){_END}|没人管我|怎么没人[来到]",
        rf"{_START}(?:求[住主注祝]|[就旧]命|救[名明]){_END}",
        r"(?<![a-z])(?:jiu ?ming|qiu ?zhu|qiu ?jiu|jiu ?wo|bei ?kun)(?![a-z])",
        r"^\W*(?:急+|快{2,}|快(?=!)|紧急|十万火急|危急|危险)[了啊呀\W]*$",
    )
)
_KIN = r"[爷奶爸妈]|外[公婆]|老[公婆]|[儿孙]子|女儿"
_FRAIL = rf"(?:老人|老太婆?|老头子?|阿[婆公爷娘]|病人|孕妇|产妇|小孩|孩子|婴儿|{_KIN})"
_ONE = rf"(?:{_FRAIL}|(?<![没无])人(?![员数]))"
_HIGH = r"(?:腰|胸|脖|下巴|头顶|屋顶|房顶|窗|[二三四2-4] ?楼)"
_WATER = r"[水河江沟井湖海塘]"
# Somebody hurt, lost, shut in or without what keeps them alive; and what is about to bury them.
_PERIL = "|".join(
    (
        r"有人[^,。不没]{0,2}伤|有人被[^,。]{0,3}(?:冲|压|埋|砸|卷|围)",
        r"(?:[1-9]\d{0,3}|[一二两三四五六七八九十几])个?人(?:[受重]伤|死|失联|被?冲走)",
        r"(?:压|砸|伤)[到了着]人|埋了?人",
        (
            rf"{_ONE}[^,。没未不]{{0,2}}(?:被[^,。]{{0,2}})?(?:[冲卷]走|压[住着到]|埋[住在了]|摔[伤断倒了跤]"
            rf"|流血|骨折|断气|抽搐|中风|失联|走丢|掉.{{0,2}}{_WATER})"
        ),
        (
            rf"{_ONE}.?(?:找不到(?=了?{_END})|没气了)|[人我他她爷奶爸妈]快要?[死没]了|要死人|走丢"
            r"|(?:孕妇|产妇|老婆|媳妇)[^,。不]{0,2}要生"
        ),
        rf"(?:{_FRAIL}|我们|大家)[^,。]{{0,2}}(?:[走动]不了|走不动|下不[来去])|[背抬]不动|[跑走]不出[来去]",
        rf"水[^,。没未不退降低送]{{0,4}}[到过上没淹漫]了?{_HIGH}|[淹漫][到过上]了?{_HIGH}",
        rf"围在.{{0,2}}{_WATER}|(?:四面|四周|周围)[^,。]{{0,2}}是水|困人(?![员数])|困电梯|抱[着住](?:树|电线杆)",
        r"(?:在|爬[到上]|逃[到上]|躲[到在])了?(?:屋顶|房顶|瓦上|树上|车顶)(?!.{0,3}[固修补巡检拍装])",
        (
            r"心脏病(?:发|犯)|心梗|脑梗|大出血|流血不止|没有?(?:呼吸|心跳|反应了)|呼吸困难|喘不[过上]|叫不醒"
            r"|被?蛇咬|被电[到了着]|羊水破|(?<!不)(?<!没)快生了|(?:要做?透析|透析[^,。]{0,3}[没停断])"
        ),
        r"[船车][子辆]?翻了|翻船|掉.{0,2}坑里|(?<!水)(?<!位)[掉摔]下[去来]了|锁在里面|孤岛|门打不开|出不了门",
        rf"(?:没有?|断|缺|需要?|要)(?:氧气?|胰岛素|救命药|药)了?{_END}|(?:氧气|呼吸机)[^,。]{{0,2}}(?:没|断|停)",
        r"断粮|没有?吃没有?喝|没有?(?:(?:东西|饭)吃|吃的)|缺人手|人手(?:不够|不足|紧缺)",
        rf"(?:需要|(?<![不主重必需])要)(?:来|几个|点|些)?人(?:来?帮忙?|来救|{_END})",
        (
            rf"{_START}[^\s,。、!防注警惕慎巡查检监引致易能没未无不点]{{0,5}}"
            rf"(?:山体滑坡|滑坡|塌方|泥石流|决堤|决口|溃坝|溃堤|管涌|漫坝|漫堤)(?=了?{_STOP})"
        ),
        r"(?:坝|堤|水库|房子?|屋子?|楼|墙|桥)[^,。没不]{0,3}[要快](?:垮|塌|倒|溃|漫|不行)",
        r"(?:房子?|屋子?|墙)(?:都|全|已经?)?(?:被[^,。]{1,3})?倒了",
        r"爆炸了|(?:煤气|燃气|液化气|天然气)[^,。没未不关]{0,2}(?:泄?漏|爆)",
    )
)
_CRY = f"{_CRY}|{_CALLED}"
_STATE = f"{_STATE}|{_PERIL}"
_WORD = re.compile(rf"(?P<cry>{_CRY})|(?P<state>{_STATE})")
_DRILL = r"(?:演练|drill|exercise)[ :\-]*"
_HELP_WORD = re.compile(r"求 ?助|help")
_OPENING = re.compile(
    rf"\W{{0,4}}(?:(?:{_DRILL})?(?:{_CRY}|{_STATE})|[3三](?=[\s,。!、;]|$))[\s,。!]*"
)

_PEOPLE = r"(?:一个|1个)?(?:人员?|群众|村民|居民|老人|住户|游客|户|people|one|body)?"
_SEEN = r"(?:再|用|必|曾|会|要|有|需要?|任何|其他|发现|见|看到|接到|收到|出现|发生){0,3}"
_NOT = (  # 淹没 is no denial, nor is 不得不
    r"(?:(?<!不得)(?<!要)不|(?<![淹沉浸埋吞])没有?|无|未|非|勿|(?<![0-9])0 ?[人名户]|零(?=人))"
)
_WITHDRAWN = r"解除|取消|撤销|误发|误按|误报|误|防止?"
_IF = r"是否|有没有|有无|是不是|要不要|需不需要|如果|如有?|若有?|假如|万一|一旦|凡"
_ENGLISH_NOT = (
    r"(?<![a-z])(?:no|not|never|cannot|without|dont|nobody|no one|no-one|none|[a-z]{2,5}n't)"
    r"(?: (?:need|needing|any|is|are|been|require|longer|more|being)){0,3} $"
)
_DENIES_STATE = re.compile(
    rf"(?:(?:{_NOT}|{_WITHDRAWN}|{_IF}|(?<!还)不是|并非)"
    rf"{_SEEN}{_PEOPLE}在?$|{_ENGLISH_NOT})"
)
_DENIES_CRY = re.compile(rf"(?:不用|不必|不需要?|无需|{_WITHDRAWN})(?:再|人)?$")
_CAN_I = re.compile(r"(?<![a-z])(?:can|may|could|how can|shall) (?:i|we) $")
_ASKED = re.compile(r"(?:的?人员?|了|的)?(?:吗|嘛|么|没有?|否)(?=[\s,。!?]|$)")
_INSTRUCTED = re.compile(r",?请?(?:短信)?回复? ?3|,? ?reply 3")  # 遇险回3 is our own advice
_SETTLED = re.compile(
    r"的?(?:人员?|群众|村民|居民|老人|者|情况|电话)?"
    r"(?:(?:都|已经|已|均|全部|安全|现已){0,3}(?:解除|救出|获救|脱困|脱险|出来了|找到|撤销|取消)"
    r"|(?:都|均|全部|现)?已(?:经|都|全部|安全){0,2}(?:解决|处理|转移|撤离|送医|处置|完毕)"
    r"|(?:是|系)?(?:误|发错|按错|打错))(?!的)"
)
_REMAIN = re.compile(r"还有|还剩|仍|尚有|另有")
_NOT_A_DRILL = re.compile(r"(?:不是|并非|非|不属于?|not an? )$")
_IN_DRILL = re.compile(rf"{_DRILL}$")

_LOOK_BACK = 24  # characters; the longest denial that is looked for has fewer


class Distress(Enum):
    """What a reply says about help."""

    NONE = auto()
    DENIED = auto()  # the words are there, and none of them calls
    DRILL = auto()  # 演练求助, and nothing else calls
    HELP = auto()


def find(text: str) -> Distress:
    """The gravest reading of a folded text, in which spaces still part clauses."""
    remain = _REMAIN.search(text) is not None
    found = (_read(text, word, remain=remain) for word in _WORD.finditer(text))
    return max([Distress.NONE, *found], key=lambda reading: reading.value)


def opening(text: str) -> str:
    """The cry that the text opens with, or an empty string."""
    found = _OPENING.match(text)
    return found[0] if found else ""


def _read(text: str, word: re.Match[str], *, remain: bool) -> Distress:
    before = text[max(0, word.start() - _LOOK_BACK) : word.start()]
    after = text[word.end() : word.end() + _LOOK_BACK]
    if word["cry"]:
        return Distress.DENIED if _DENIES_CRY.search(before) else Distress.HELP
    if _DENIES_STATE.search(before) or _CAN_I.search(before) or _ASKED.match(after):
        return Distress.DENIED
    if _INSTRUCTED.match(after) or (_SETTLED.match(after) and not remain):
        return Distress.DENIED
    if _is_drill(before) and _HELP_WORD.fullmatch(word[0]):
        return Distress.DRILL
    return Distress.HELP


def _is_drill(before: str) -> bool:
    drill = _IN_DRILL.search(before)
    return drill is not None and not _NOT_A_DRILL.search(before[: drill.start()])
