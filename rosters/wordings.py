"""The wordings of a roster's problems: code → (zh-CN, English). Data only."""

from collections.abc import Mapping
from types import MappingProxyType

WORDINGS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # The file as a whole
        "file-missing": ("没有这个文件", "there is no such file"),
        "file-no-people": (
            "文件夹里没有people.csv,也没有people.xlsx",
            "the folder has neither people.csv nor people.xlsx",
        ),
        "file-folder": ("这是文件夹,不是文件", "that is a folder, not a file"),
        "file-forbidden": ("没有读取这个文件的权限", "no permission to read the file"),
        "file-unreadable": ("文件打不开", "the file can't be opened"),
        "file-empty": ("文件是空的", "the file is empty"),
        "file-too-large": ("文件超过{limit}MB", "the file is larger than {limit} MB"),
        "file-not-text": (
            "不是UTF-8、UTF-16或GB18030文本,也不是电子表格(第{bad_line}行起)",
            "neither UTF-8, UTF-16 or GB18030 text nor a spreadsheet (from line {bad_line} on)",
        ),
        "file-encrypted": ("工作簿有密码", "the workbook has a password"),
        "file-broken": ("工作簿损坏,无法读取", "the workbook is damaged and can't be read"),
        "file-unread": (
            "工作簿太大或已损坏,无法读取;请删除表格远处的内容,或另存为CSV",
            "the workbook is too large to be read, or damaged: delete what strays from its table",
        ),
        "file-cut": (
            "从这里起无法读取:引号未闭合或一行过长",
            "can't be read from here on: a quote that isn't closed, or a line too long",
        ),
        "file-web-page": (
            "这是网页,不是表格;请用Excel或WPS打开,另存为xlsx",
            "a web page, not a table; open it in a spreadsheet and save it as xlsx",
        ),
        "sheet-ignored": (
            "只读一个工作表,未读:{sheets}",
            "only one sheet is read, not: {sheets}",
        ),
        "rows-hidden": (
            "隐藏或被筛选掉的{count}行也照样读入(首行为第{first}行);不要的请删除",
            "{count} rows that are hidden or filtered out are read, too (first: line {first})",
        ),
        "sheet-second": (
            "除“{sheet}”外还有工作表也是名册:{others};一个文件只读一张,请合并成一张,或删除、隐藏其余的",
            "not only {sheet!r} holds a roster, also {others}; put all on one, or hide the others",
        ),
        "header-missing": (
            "前{rows}行里找不到表头,表头要有:{wanted}",
            "no header in the first {rows} rows; it must have: {wanted}",
        ),
        "column-missing": ("缺少列“{what}”({zh})", "the column {what} ({zh}) is missing"),
        "column-repeated": ("列重复", "the column is there more than once"),
        "column-unknown": ("不认识的列“{header}”,已忽略", "unknown column {header!r}, ignored"),
        "header-unknown": (
            "不认识的表头“{header}”;若它就是缺少的列,请改名",
            "unknown header {header!r}; if it is a column that is missing, rename it",
        ),
        "no-rows": ("没有数据行", "there are no rows"),
        # A cell
        "cells-beyond-header": ("比表头多出单元格", "there are more cells than headers"),
        "cell-required": ("不能为空", "must not be empty"),
        "cell-too-long": ("超过{limit}个字符", "is longer than {limit} characters"),
        "cell-control": (
            "含有看不见的字符或换行;请删掉整格后重新输入",
            "holds an invisible character or a line break; empty the cell and type it anew",
        ),
        "cell-formula": (
            "公式没有得出结果({value});请改为具体内容(复制后选择性粘贴为数值)",
            "a formula without a result ({value}); put its value there (paste special, values)",
        ),
        "code-spoilt": (
            "“{value}”是被电子表格改坏的编码,请把该列设为文本后重填",
            "{value!r} is a code spoilt by a spreadsheet; enter it again in a text column",
        ),
        "code-invalid": (
            "“{value}”不是编码(字母、数字、“-”)",
            "{value!r} isn't a code (letters, digits, '-')",
        ),
        "code-shape": (
            "“{value}”不合2-2-2-3-3的区划编码,按前缀选择时可能选不到",
            "{value!r} isn't shaped 2-2-2-3-3; selecting by prefix may miss it",
        ),
        "code-rounded": (
            "单位{unit}的编码超过15位又以000结尾,可能被电子表格舍入",
            "the code {unit} has over 15 digits and ends in 000: perhaps rounded by a spreadsheet",
        ),
        "code-mended": ("已去掉电子表格加的“.0”", "the '.0' of a spreadsheet was taken off"),
        "id-invalid": ("含有空白或不可见字符", "holds blank or invisible characters"),
        "id-private": (
            "像是手机号或身份证号;编号会出现在日志里,请用别的编号",
            "looks like a phone or identity number; ids appear in logs, use another one",
        ),
        "terminal-id-invalid": (
            "终端编号只能用字母、数字、“-”、“_”",
            "a terminal id is made of letters, digits, '-' and '_'",
        ),
        "level-unknown": ("不认识的层级“{value}”", "unknown level {value!r}"),
        "rank-invalid": (
            "“{value}”不是顺位(1为主岗,2起为备岗)",
            "{value!r} isn't a rank (1 principal, 2… alternates)",
        ),
        "count-invalid": ("“{value}”不是非负整数", "{value!r} isn't a whole number from 0 up"),
        "flag-invalid": ("“{value}”不是“是/否”", "{value!r} isn't yes or no"),
        "language-unknown": ("不认识的语言“{value}”", "unknown language {value!r}"),
        "channel-unknown": ("不认识的渠道“{value}”", "unknown channel {value!r}"),
        "role-invalid": ("“{value}”不是角色", "{value!r} isn't a role"),
        "role-unknown": (
            "“{value}”不是已知角色,按原文保留",
            "{value!r} isn't a known role, kept as it is",
        ),
        "time-invalid": ("“{value}”不是时间(时:分)", "{value!r} isn't a time (HH:MM)"),
        "time-half": ("值班开始和结束要成对", "a shift needs both its start and its end"),
        "date-invalid": ("“{value}”不是日期(年-月-日)", "{value!r} isn't a date (YYYY-MM-DD)"),
        "date-future": ("核实日期在将来", "verified in the future"),
        "number-invalid": (
            "“{value}”不是{low}到{high}之间的数",
            "{value!r} isn't a number from {low} to {high}",
        ),
        "url-invalid": ("不是http(s)地址", "isn't an http(s) address"),
        "account-invalid": ("不是平台账号", "isn't an account of the platform"),
        "mailbox-invalid": ("不是邮箱地址", "isn't a mailbox's address"),
        "kind-unknown": ("不认识的群类型“{value}”", "unknown kind of group {value!r}"),
        "place-half": ("经度和纬度要成对", "a place needs both longitude and latitude"),
        # Phones
        "phone-invalid": (
            "不是可拨打的号码(固定电话要带区号)",
            "can't be dialled (a fixed line needs its area code)",
        ),
        "phone-several": (
            "一格里有几个号码;请只留一个,另一个填在“备用手机”列",
            "several numbers in one cell; leave one, and put another into the column phone2",
        ),
        "phone-spoilt": (
            "号码被电子表格改坏,请把该列设为文本后重填",
            "the number was spoilt by a spreadsheet; format the column as text and enter it again",
        ),
        "phone-masked": ("号码已脱敏,不能导入", "the number is masked and can't be imported"),
        "phone-mended": ("已去掉电子表格加的“.0”", "the '.0' of a spreadsheet was taken off"),
        "phone-unassigned": (
            "号段未见启用,请核对",
            "the number's block isn't known to be in use; check it",
        ),
        "phone-short": ("短号要填在“短号”列", "a short number belongs in the column short_phone"),
        "short-phone-invalid": ("短号应为5到6位数字", "a short number has 5 or 6 digits"),
        "phone-shared": (
            "与其他{people}人共用号码(如第{other}行)",
            "the number is shared with {people} more people (such as line {other})",
        ),
        "no-message": (
            "收不到短信(没有手机号,或渠道里没有短信),只能由人去打电话",
            "gets no messages (no mobile number, or channels without sms): somebody has to call",
        ),
        "unreachable": ("没有任何联系方式", "can't be reached in any way"),
        # People and duties
        "person-incomplete": (
            "填了人员信息却没有人员编号",
            "something is said of a person without an id",
        ),
        "person-disagrees": (
            "同一人员与第{other}行不一致:{fields}",
            "the same person is different on line {other}: {fields}",
        ),
        "post-missing": ("岗位和角色都没有填", "neither a post nor a role is given"),
        "post-unknown": (
            "“{value}”不是已知岗位,又没有填已知角色,按角色选人时会漏掉",
            "{value!r} is no known post, and no known role is given: choosing by role misses them",
        ),
        "holding-disagrees": (
            "同一人员同一岗位与第{other}行不一致",
            "the same person's part in the same duty is different on line {other}",
        ),
        "row-repeated": ("与第{other}行重复,已忽略", "repeats line {other}, ignored"),
        "principal-repeated": (
            "{unit}的“{post}”已有主岗(第{other}行)",
            "{post!r} of {unit} has a principal already (line {other})",
        ),
        # An edit by hand
        "person-unknown": ("名册中没有此人", "nobody in the roster has this id"),
        "person-idle": (
            "没有任何岗位;请安排岗位,或将其移出名册",
            "holds no duty; give them one, or remove them",
        ),
        "duty-unknown": ("在{unit}没有这个岗位", "has no such duty in {unit}"),
        "duty-vacant": ("{unit}的“{post}”无人担任", "nobody holds {post!r} of {unit} any more"),
        "principals-both": (
            "{unit}的“{post}”不能同时有两名主岗:{one}和{other}",
            "{post!r} of {unit} can't have two principals at once: {one} and {other}",
        ),
        "phone-held": ("与{other}共用号码", "shares the number with {other}"),
        "principal-missing": ("{unit}的“{post}”没有主岗", "{post!r} of {unit} has no principal"),
        "alternate-missing": ("{unit}的“{post}”没有备岗", "{post!r} of {unit} has no alternate"),
        "verified-long-ago": ("已{days}天未核实", "verified {days} days ago"),
        # Units
        "unit-disagrees": (
            "单位{unit}与第{other}行不一致:{fields}",
            "the unit {unit} is different on line {other}: {fields}",
        ),
        "unit-incomplete": (
            "单位{unit}在整个文件里没有给出{what}",
            "nothing in the file gives {what} of the unit {unit}",
        ),
        "parent-unknown": (
            "单位{unit}的上级{parent}不在名册里",
            "the parent {parent} of the unit {unit} isn't in the roster",
        ),
        "unit-orphan": ("单位{unit}没有上级", "the unit {unit} has no parent"),
        "unit-cycle": ("单位互为上级:{units}", "units are each other's parents: {units}"),
        "level-order": (
            "单位{unit}的层级不低于上级{parent}",
            "the level of the unit {unit} isn't below its parent's, {parent}",
        ),
        "prefix-clash": (
            "编码{unit}以{other}开头,却不是其下级,按前缀会误选",
            "the code {unit} begins with {other} but isn't below it; selecting would mix them",
        ),
        "unit-unknown": ("名册里没有单位{unit}", "the roster has no unit {unit}"),
        "unit-unanswerable": ("单位{unit}没有任何人员", "the unit {unit} has nobody in it"),
        # Terminals and groups
        "id-repeated": (
            "与第{other}行编号相同而内容不同(一个单位有几个群时请填群编号)",
            "the same id as line {other} with other content (several groups of a unit need ids)",
        ),
    }
)
