"""What a reply means: text in, a `Reply` out, by DOMAIN.md's table.

A wrong guess would cover a grid that nobody answered for. So an answer counts only where the whole
reply is understood; a reply of which one character isn't goes to an operator as `unclear`, with a
reason. Help is the other way round: see `distress`.

The parts, in the order in which a reply passes through them: `folding` (one spelling), `quoting`
(what the telephone quoted is cut out), `distress` (calls for help), `tokens` by the `lexicon`, and
`shape` (which sequences of parts are answers).
"""

from alertd.decide.grammar.parse import MAX_ANSWER_CHARS, MAX_CHARS, parse
from alertd.decide.grammar.reply import Reply, ReplyKind

__all__ = ["MAX_ANSWER_CHARS", "MAX_CHARS", "Reply", "ReplyKind", "parse"]
