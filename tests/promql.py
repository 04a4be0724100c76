"""Reads as much of PromQL as our rules and boards use, so that a slip is found where no Prometheus runs.

Raises `ValueError` for what is no expression, for a counter that is rated without a stretch of time, and for a stretch of
time where a value is wanted.
"""

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[a-zA-Z_:][\w:]*)|(?P<text>"[^"]*")"""
    r"""|(?P<range>\[(?:\d+[smhdw]|\$__rate_interval)\])|(?P<sign>=~|!~|!=|==|>=|<=|[=<>+\-*/(){},]))"""
)
_GATHER = {"sum", "max", "min", "avg", "count"}
_OVER_TIME = {"rate", "increase"}
_FUNCTIONS = {"histogram_quantile": 2, "vector": 1, "rate": 1, "increase": 1}  # and how many arguments
_BETWEEN = {"==", "!=", ">", "<", ">=", "<=", "+", "-", "*", "/", "or", "and", "unless"}


class Asked(NamedTuple):
    """A metric and the labels that are asked of it."""

    metric: str
    labels: frozenset[str]


def read(text):
    """All that an expression asks for."""
    reader = _Reader(text)
    if reader.expression():
        raise ValueError(f"a stretch of time, not a value: {text}")
    if reader.left:
        raise ValueError(f"not understood from {reader.left[0]!r} on: {text}")
    return reader.asked


class _Reader:
    def __init__(self, text):
        self.text, self.asked, self.left = text, [], []
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None:
                raise ValueError(f"no word of PromQL: {text[place:]!r}")
            self.left.append(found.group().strip())
            place = found.end()

    def take(self, *wanted):
        if not self.left or (wanted and self.left[0] not in wanted):
            raise ValueError(f"{' or '.join(wanted)} is missing before {self.left[:1]}: {self.text}")
        return self.left.pop(0)

    def next_is(self, *wanted):
        return bool(self.left) and self.left[0] in wanted

    def expression(self):
        """Whether it is a stretch of time."""
        stretch = self.part()
        while self.next_is(*_BETWEEN):
            self.take()
            if self.part() or stretch:
                raise ValueError(f"a stretch of time can't be compared: {self.text}")
        return stretch

    def part(self):
        word = self.take()
        if word == "(":
            stretch = self.expression()
            self.take(")")
            return stretch
        if word[0].isdigit():
            return False
        if word in _GATHER:
            return self.gathered()
        if self.next_is("(") and word in _FUNCTIONS:
            return self.called(word)
        if not re.fullmatch(r"[a-zA-Z_]\w*", word) or self.next_is("("):
            raise ValueError(f"{word} is no metric and no function that is known: {self.text}")
        return self.chosen(word)

    def gathered(self):
        if self.next_is("by", "without"):
            self.take()
            self.names()
        self.take("(")
        if self.expression():
            raise ValueError(f"a stretch of time can't be summed: {self.text}")
        self.take(")")
        return False

    def called(self, function):
        self.take("(")
        stretches = [self.expression()]
        while self.next_is(","):
            self.take()
            stretches.append(self.expression())
        self.take(")")
        if len(stretches) != _FUNCTIONS[function] or any(one != (function in _OVER_TIME) for one in stretches):
            raise ValueError(f"{function} takes something else: {self.text}")
        return False

    def names(self):
        self.take("(")
        while not self.next_is(")"):
            self.take()
            if self.next_is(","):
                self.take()
        self.take(")")

    def chosen(self, metric):
        labels = []
        if self.next_is("{"):
            self.take()
            while not self.next_is("}"):
                labels.append(self.take())
                self.take("=", "!=", "=~", "!~")
                if not self.take().startswith('"'):
                    raise ValueError(f"a label's value has quotes: {self.text}")
                if self.next_is(","):
                    self.take()
            self.take("}")
        self.asked.append(Asked(metric, frozenset(labels)))
        stretch = bool(self.left) and self.left[0].startswith("[")
        if stretch:
            self.take()
        return stretch
