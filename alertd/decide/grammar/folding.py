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
    "異异 絡络 預预 報报 揮挥 門门 線线 "
    "萬万 庫库 東东 丟丢 嚴严 喪丧 臨临 習习 爭争 產产 眾众 傷伤 體体 餘余 氣气 兒儿 "
    "關关 衝冲 沖冲 決决 幾几 別别 剛刚 劃划 醫医 緊紧 壓压 隻只 嘍喽 圍围 堅坚 壩坝 "
    "墻墙 牆墙 夠够 頭头 奮奋 媽妈 孫孙 層层 島岛 帶带 搶抢 護护 擔担 撥拨 據据 擋挡 "
    "撐撑 斷断 暫暂 曉晓 機机 條条 樹树 橋桥 洩泄 潰溃 災灾 爺爷 獲获 畢毕 盡尽 監监 "
    "積积 糧粮 紅红 級级 織织 結结 繼继 續续 編编 腦脑 臟脏 脫脱 藍蓝 藥药 補补 裝装 "
    "見见 觸触 計计 訓训 證证 話话 該该 讀读 調调 趕赶 車车 輪轮 輛辆 邊边 進进 鐘钟 "
    "鋒锋 閱阅 隨随 難难 頂顶 順顺 風风 飯饭 黃黄 齊齐 嬰婴 婦妇 佈布 週周 吶呐 著着 "
    "檢检 湧涌 瞭了 纔才 臺台 颱台 舊旧 逹达 傢家 喫吃 摺折 營营 總总"
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
