"""A reply's text made plain: one width, one script, one kind of white space.

After this, the lexicon needs one spelling of each word. Nothing here decides what a reply means.
"""

import re
import unicodedata

# Traditional forms of the characters that the lexicon uses, and no others; banker's numerals too.
_OTHER_SCRIPT = (
    "應应 轉转 請请 離离 開开 會会 確确 認认 達达 員员 戶户 覆复 復复 謝谢 無无 沒没 還还 "
    "嗎吗 麼么 後后 聯联 繫系 來来 這这 個个 們们 崗岗 險险 練练 題题 問问 現现 場场 執执 "
    "當当 長长 網网 樓楼 號号 區区 隊队 組组 鎮镇 鄉乡 裡里 訂订 為为 過过 點点 經经 數数 "
    "處处 內内 間间 電电 給给 動动 業业 務务 領领 導导 書书 記记 錯错 誤误 發发 銷销 對对 "
    "說说 壹一 貳二 贰二 參三 叁三 肆四 兩两 單单 棟栋 幫帮 協协 馬马 將将 實实 傳传 況况 "
    "異异 絡络 預预 報报 揮挥 門门 線线"
)
_ROUND = "❶❷❸❹➀➁➂➃➊➋➌➍"  # dingbats, which NFKC leaves alone
_PLAIN = str.maketrans(
    {pair[0]: pair[1] for pair in _OTHER_SCRIPT.split()}
    | dict(zip(_ROUND, "1234" * 3, strict=True))
    | dict(zip("’‘“”—–−∶⁄×", "''\"\"---:/x", strict=True)),
)
_UNSEEN = {"\u20e3", "\ufe0e", "\ufe0f", *map(chr, range(0x1F3FB, 0x1F400))}
_BREAKS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_UNKNOWN = "\ufffd"

_KEEPS = "0-9a-z零〇一二两三四五六七八九十百+/"
_LOOSE_SPACE = re.compile(rf"(?<=[^{_KEEPS}\s]) +(?=[^{_KEEPS}\s])")
_SPACES = re.compile(r" {2,}")


def fold(text: str) -> str:
    """NFKC, lower case, simplified characters; line breaks as LF, other white space as one space.

    Characters that nobody sees are dropped; private ones become U+FFFD, which no word contains.
    Lone surrogates and NUL are as good as anything else.
    """
    text = unicodedata.normalize("NFKC", text).lower()
    return _SPACES.sub(" ", "".join(map(_plain, text)).translate(_PLAIN)).strip()


def _plain(char: str) -> str:
    if char in _BREAKS:
        return "\n"
    if char in _UNSEEN:
        return ""
    if char.isspace():
        return " "
    category = unicodedata.category(char)
    if category in {"Cc", "Cf"}:
        return ""
    return _UNKNOWN if category == "Co" else char


def squeeze(text: str) -> str:
    """White space folded away between Chinese characters; numbers and Latin words stay apart."""
    return _LOOSE_SPACE.sub("", text)
