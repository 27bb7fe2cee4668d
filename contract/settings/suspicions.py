"""Values that nobody means: placeholders, quotes that a shell did not take off, stray blanks."""

import re

_PLACEHOLDER = re.compile(
    r"""
    <.*> | \[.*\] | \$\{?\w+\}? | \{\{.*\}\} | %\w+%       # <key>, ${KEY}, {{ key }}
    | your[-_ ]?(tenant|company|client|id|name)
    | your[-_ ].*(key|secret|url|token|host|server|project|here)
    | (change|replace|fill|insert|enter|put|paste)[-_ ]?(it|me|this|in|here|with|your)\b.*
    | (insert|enter|put|paste|add|set|fill|.*goes)[-_ ](.*[-_ ])?here
    | (api|sk-)?[x*.…]{3,} | …
    | todo | tbd | fixme | placeholder | undefined | null
    | (livekit[-_])?api[-_](key|secret) | (openai[-_])api[-_]key
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PLACEHOLDER_IN_URL = re.compile(
    r"[<>{}…]|//(your|my)?[-_]?(x{3,}|your[-_]\w|project\.|host\b)|//your[-_]"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def suspicion(text: str) -> str:
    """Say why a value cannot be meant; empty when it may be. Never repeats the value."""
    if text != text.strip():
        return "begins or ends with a blank"
    if _CONTROL.search(text):
        return "has a control character in it"
    if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]:
        return "is in quotes; leave them out"
    if is_placeholder(text):
        return "is a placeholder, not a value"
    return ""


def is_placeholder(text: str) -> bool:
    """Tell whether a value was meant to be replaced before use."""
    if _PLACEHOLDER.fullmatch(text):
        return True
    return "://" in text and _PLACEHOLDER_IN_URL.search(text) is not None
