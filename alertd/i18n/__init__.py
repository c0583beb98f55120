"""What users read, in zh-CN and English: English is the source text, catalogs are `.po` files.

Mark a text with `N_("…")` where it is written down and with `_("…")` where it is shown, `_` being
`translator(language)`. `python -m alertd.i18n check` names every marked text without a translation.
"""

from alertd.i18n.catalogs import DEFAULT, LANGUAGES, N_, catalog, sentence, translator
from alertd.i18n.negotiate import negotiate

__all__ = ["DEFAULT", "LANGUAGES", "N_", "catalog", "negotiate", "sentence", "translator"]
