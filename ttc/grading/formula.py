r"""Parser of compact LaTeX formulas into expression trees: arithmetic, powers, roots and elementary functions.

It refuses everything else (sums, integrals, sets, text), and what it might misread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

MAX_TOKENS = 400
_MAX_DIGITS = 60

_TOKENS = re.compile(r"\d+\.?\d*|\.\d+|\\[A-Za-z]+|\\.|[A-Za-z]'*|\S")
_NUMBER = re.compile(r"\d|\.\d")
_SPACE_BETWEEN_DIGITS = re.compile(r"(?<=\d) (?=\d)")  # 2 3 is no number; no other space means anything
_GREEK = (
    "alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|vartheta|kappa|lambda|mu|nu|xi|rho|sigma|tau|phi|varphi|"
    "chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Sigma|Phi|Psi|Omega|ell|hbar"
)
_NAME = re.compile(rf"[A-Za-z]'*|\\(?:{_GREEK})")
_ACCENTS = frozenset({"\\hat", "\\vec", "\\bar", "\\tilde", "\\overline", "\\dot", "\\ddot", "\\mathcal"})
_FUNCTIONS = frozenset(
    (
        "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "log", "ln",
        "lg", "exp",
    )
)  # fmt: skip
_UNKNOWN_FUNCTIONS = frozenset({"f", "g", "h", "F", "G"})  # f(x) applies f, x(y) is a product
_CLOSING = {"(": ")", "{": "}", "[": "]", "|": "|", "\\lfloor": "\\rfloor", "\\lceil": "\\rceil"}
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{4,}")  # a word, unless its letters are in order, as in abcd
_DERIVATIVE = re.compile(r"\\frac\{((?:d|\\partial )(?:\^\d)?[A-Za-z]?)\}\{((?:d|\\partial )[A-Za-z](?:\^\d)?)\}")


class UnreadableFormulaError(ValueError):
    """The formula contains something that the parser does not know, or is ambiguous."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of an expression tree: an operation on arguments, or a leaf with a number or a name."""

    operation: str  # "number", "name", "+", "*", "/", "^", "-", or a function
    arguments: tuple[Node, ...] = ()
    number: Fraction = Fraction(0)
    name: str = ""


@lru_cache(maxsize=1 << 14)
def parse_formula(line: str) -> Node:
    """Return the expression tree of a formula.

    Raises:
        UnreadableFormulaError: the formula is not arithmetic, is ambiguous, or too long.
    """
    line = _DERIVATIVE.sub(lambda found: f"\\hat{{{found[1]}over{found[2]}}}", line)
    tokens = _TOKENS.findall(_SPACE_BETWEEN_DIGITS.sub("\0", line))
    if len(tokens) > MAX_TOKENS:
        raise UnreadableFormulaError("too long")
    if any(list(word) != sorted(word) for word in _WORD.findall(line)):
        raise UnreadableFormulaError("words")
    parser = _Parser(tokens)
    try:
        tree = parser.sum()
    except RecursionError:
        raise UnreadableFormulaError("nested too deeply") from None
    if parser.rest:
        raise UnreadableFormulaError(parser.peek())
    return tree


def names_in(node: Node) -> frozenset[str]:
    """Return the names of the variables in a tree."""
    if node.operation == "name":
        return frozenset({node.name})
    return frozenset().union(*map(names_in, node.arguments))


class _Parser:
    """Recursive-descent parser of one formula's tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens[::-1]  # the last element is the next token
        self.last = ""
        self.inside_bars = False

    def peek(self, ahead: int = 1) -> str:
        return self.rest[-ahead] if len(self.rest) >= ahead else ""

    def take(self) -> str:
        if not self.rest:
            raise UnreadableFormulaError("the formula ends early")
        self.last = self.rest.pop()
        return self.last

    def sum(self) -> Node:
        terms = [self.product()]
        while self.peek() in ("+", "-"):
            terms.append(self.product())
        return terms[0] if len(terms) == 1 else Node("+", tuple(terms))

    def product(self) -> Node:
        negative = False
        while self.peek() in ("+", "-"):
            negative ^= self.take() == "-"
        result = self.factors()
        while self.peek() in ("\\cdot", "/", ":"):
            operation = "*" if self.take() == "\\cdot" else "/"
            result = Node(operation, (result, self.signed_factors()))
        return Node("-", (result,)) if negative else result

    def signed_factors(self) -> Node:
        if self.peek() == "-":
            self.take()
            return Node("-", (self.factors(),))
        return self.factors()

    def factors(self) -> Node:
        """Parse factors side by side; they bind closer than / and \\cdot: 1/2x is 1/(2x)."""
        factors = [self.power()]
        while self.starts_a_factor():
            if _NUMBER.match(self.peek()) and self.last != ")":
                raise UnreadableFormulaError("a number after a factor: x2")
            if factors[-1].operation == "number" and self.peek() == "\\frac" and len(factors) == 1:
                raise UnreadableFormulaError("2\\frac{1}{2} is a mixed number or a product")
            factors.append(self.power())
        return factors[0] if len(factors) == 1 else Node("*", tuple(factors))

    def starts_a_factor(self) -> bool:
        token = self.peek()
        if token == "|":
            return not self.inside_bars
        return bool(token) and token not in ("+", "-", "\\cdot", "/", ":", *_CLOSING.values())

    def power(self) -> Node:
        base = self.postfix(self.atom())
        if self.peek() != "^":
            return base
        self.take()
        if self.peek() == "\\circ" or (self.peek() == "{" and self.peek(2) == "\\circ"):
            if self.take() == "{":
                del self.rest[-2:]
            return Node("degrees", (base,))
        return self.postfix(Node("^", (base, self.exponent())))

    def exponent(self) -> Node:
        if self.peek() == "-" or (_NUMBER.match(self.peek()) and len(self.peek()) > 1):
            raise UnreadableFormulaError("x^12 is x^{12} or x^1 2")
        return self.atom()

    def postfix(self, node: Node) -> Node:
        while self.peek() == "!":
            self.take()
            node = Node("!", (node,))
        return node

    def atom(self) -> Node:
        token = self.take()
        if _NUMBER.match(token):
            if self.peek() in ("_", "'") or len(token) > _MAX_DIGITS:
                raise UnreadableFormulaError(token)
            return Node("number", number=Fraction(token))
        if token in _CLOSING:
            return self.bracketed(token)
        if token in ("\\frac", "\\binom"):
            return Node("/" if token == "\\frac" else "binom", (self.group(), self.group()))
        if token == "\\sqrt":
            return Node("root", (self.degree_of_root(), self.group()))
        if token[1:] in _FUNCTIONS and token[0] == "\\":
            return self.function(token[1:])
        return self.name(token)

    def bracketed(self, opening: str) -> Node:
        outside, self.inside_bars = self.inside_bars, opening == "|"
        inner = self.sum()
        self.inside_bars = outside
        if self.take() != _CLOSING[opening]:
            raise UnreadableFormulaError("unbalanced brackets")
        if self.peek() in ("_", "'"):
            raise UnreadableFormulaError("an index of a bracket")
        return Node(opening, (inner,)) if opening in ("|", "\\lfloor", "\\lceil") else inner

    def name(self, token: str) -> Node:
        if token in _ACCENTS:
            token += self.raw_group()
        elif token == "\\pi":
            return Node("pi")
        elif not _NAME.fullmatch(token):
            raise UnreadableFormulaError(token)
        if self.peek() == "_":
            self.take()
            token += "_" + (self.raw_group() if self.peek() == "{" else self.take())
        if self.peek() == "(" and token.rstrip("'") in _UNKNOWN_FUNCTIONS:
            return Node("apply", (self.atom(),), name=token)
        if token in ("e", "i"):
            return Node(token)
        return Node("name", name=token)

    def group(self) -> Node:
        if self.peek() != "{":
            raise UnreadableFormulaError("an argument without braces")
        return self.atom()

    def raw_group(self) -> str:
        """Take a group without nested groups as text."""
        if self.take() != "{":
            raise UnreadableFormulaError("an argument without braces")
        text = ""
        while (token := self.take()) != "}":
            if token == "{":
                raise UnreadableFormulaError("nested indices")
            text += token
        return text

    def degree_of_root(self) -> Node:
        if self.peek() != "[":
            return Node("number", number=Fraction(2))
        return self.atom()

    def function(self, function: str) -> Node:
        base: tuple[Node, ...] = ()
        if self.peek() == "_":
            self.take()
            base = (self.exponent(),)
        exponent = None
        if self.peek() == "^":
            self.take()
            exponent = self.exponent()
        if function == "exp" and self.peek() == "^":
            raise UnreadableFormulaError("exp^")
        argument = self.argument()
        if exponent and exponent == Node("-", (Node("number", number=Fraction(1)),)):
            return Node("arc" + function, (argument,))
        result = Node(function, (argument, *base))
        return Node("^", (result, exponent)) if exponent else result

    def argument(self) -> Node:
        """Parse the argument of a function: a bracket, or the factors that follow (sin 2x cos y has two functions)."""
        if self.peek() in ("(", "{", "["):
            return self.atom()
        negative = self.peek() == "-"
        if negative:
            self.take()
        factors = [self.power()]
        while self.starts_a_factor() and self.peek()[1:] not in _FUNCTIONS and self.peek() not in ("(", "["):
            factors.append(self.power())
        if self.peek() in ("/", "\\cdot", "(", "["):
            raise UnreadableFormulaError("where the argument ends")
        product = factors[0] if len(factors) == 1 else Node("*", tuple(factors))
        return Node("-", (product,)) if negative else product
