r"""Common spellings of a MATH answer, and near misses, derived from its text by rules independent of the grader.

`spellings` of a gold answer must be graded correct, `near_misses` wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

FRACTION = re.compile(r"(-?)\\d?frac\s*(?:\{(\d+)\}|(\d))\s*(?:\{(\d+)\}|(\d))")
THOUSANDS = re.compile(r"(?:\\\$)?\d{1,3}(?:,(?:\\!)?\s?\d{3})+")
BASES = {"5": "five", "6": "six", "8": "eight", "9": "nine"}

REWRITTEN = {
    r"p - q": "-q+p | -(q-p) | (p-q)",
    r"2k+2": "2(k+1) | 2 + 2k",
    r"2k": r"2 k | k \cdot 2 | 2*k",
    r"(a+5)(b+2)": r"(b+2)(a+5) | ab+2a+5b+10 | (5 + a)(2 + b) | (a+5) \cdot (b+2)",
    r"5x - 7y + 11z + 4 = 0": "-5x+7y-11z-4=0 | 5x-7y+11z=-4 | 10x-14y+22z+8=0 | 0 = 5x - 7y + 11z + 4",
    r"-13x+3": "3-13x | -(13x-3)",
    r"15x - 80": "5(3x-16) | -80+15x | 15x + (-80)",
    r"18+2\pi": r"2\pi+18 | 2(\pi+9) | 2(9+π)",
    r"\frac{11+9a}{20}": r"\frac{9a+11}{20} | (9a+11)/20 | \frac{9a}{20}+\frac{11}{20} | \frac{1}{20}(11+9a)",
    r"6r^2-4r-24": "-4r+6r^2-24 | 2(3r^2-2r-12) | 6r^{2} - 4r - 24 | 6*r^2-4*r-24 | 6r**2 - 4r - 24",
    r"8n^2 + 4n + 1": "4n(2n+1)+1 | 1+4n+8n^2 | 4n^2+(2n+1)^2",
    r"11 \sqrt{5} + 11": r"11(\sqrt5+1) | 11+11\sqrt{5}",
    r"1+2\sqrt{3}": r"2\sqrt3+1 | 1+\sqrt{12}",
    r"\frac{20000}{\pi}": r"20000/\pi | \frac{20{,}000}{\pi} | 20000\pi^{-1} | \dfrac{20000}{π}",
    r"\frac{\sqrt{3}}{3}": r"\frac{1}{\sqrt{3}} | \frac13\sqrt{3} | \sqrt{3}/3 | 1/\sqrt3 | \sqrt{\frac13} | sqrt(3)/3",
    r"\frac{\sqrt{21}}{5}": r"\sqrt{21}/5 | \frac{1}{5}\sqrt{21} | \frac{\sqrt{21}}5 | \sqrt{\frac{21}{25}}",
    r"\frac{3\sqrt{3}}{4}": r"3\sqrt3/4 | \frac34\sqrt3 | \frac{3}{4} \sqrt{3} | 0.75\sqrt{3}",
    r"3R^2": r"3R^{2} | 3 R^2 | 3\cdot R^2",
    r"y = 2x + 3": "2x+3 | y=3+2x | 2x-y+3=0 | y - 2x = 3 | y-3=2x | f(x) = 2x+3",
    r"y = -2x": "-2x | y+2x=0 | 2x + y = 0 | y=-2 x",
    r"x^3+3x-6": "x^{3} + 3x - 6 | -6+3x+x^3 | P(x) = x^3+3x-6",
    r"x^5 - x^4 + x^3 - x^2 + x - 1": "(x-1)(x^4+x^2+1) | (x - 1)(x^2 + x + 1)(x^2 - x + 1)",
    r"x^8 + x^7 + x^6 + x^5 + x^4 + x^3 + x^2 + x + 1": "(x^2+x+1)(x^6+x^3+1) | 1+x+x^2+x^3+x^4+x^5+x^6+x^7+x^8",
    r"\cot x": r"\cot(x) | \cot{x} | \frac{\cos x}{\sin x} | \frac{1}{\tan x} | cot(x) | cot x",
    r"-\frac{\pi}{6}": r"\frac{-\pi}{6} | -\pi/6 | -\frac{1}{6}\pi | -π/6 | -\frac\pi6",
    r"\left( 3, \frac{\pi}{2} \right)": r"(3, \pi/2) | (3,\frac\pi2) | (r,\theta)=(3,\pi/2) | r=3, \theta=\pi/2",
    r"\left[ \frac{\pi^2}{8}, \frac{5 \pi^2}{4} \right]": r"[\pi^2/8, 5\pi^2/4] | [\frac{\pi^{2}}{8},\frac54\pi^{2}]",
    r"(-\infty, 2) \cup (3, \infty)": r"x<2 \text{ or } x>3 | x < 2 or x > 3 | (3,+\infty)\cup(-\infty,2)",
    r"\{1\pm\sqrt{5},-2\}": r"-2, 1+\sqrt5, 1-\sqrt5 | -2,1\pm\sqrt{5} | \{-2, 1 - \sqrt{5}, 1 + \sqrt{5}\}",
}


def spellings(gold: str) -> list[str]:
    """Return spellings of `gold`, all of them correct."""
    found = [gold, *_wrapped(gold), *REWRITTEN.get(gold, gold).split(" | ")]
    for rule in (_number, _fraction, _irrational, _words, _list, _interval, _matrix, _named, _with_unit):
        found += rule(gold)
    return list(dict.fromkeys(found))


def _each(gold: str, *templates: str) -> Iterator[str]:
    yield from (template.replace("@", gold) for template in templates)


def _wrapped(gold: str) -> Iterator[str]:
    yield from _each(gold, "$@$", r"\(@\)", r"\[ @ \]", "@.", " @ \n", r"\boxed{@}", r"\displaystyle @", "**@**")
    for old, new in ((r"\frac", r"\dfrac"), (r"\frac", r"\tfrac"), ("-", "−"), (r"\pi", "π"), (r"\infty", "∞")):
        yield gold.replace(old, new)
    plain = gold.replace(r"\left", "").replace(r"\right", "")
    yield from (plain, plain.replace("(", r"\left(").replace(")", r"\right)"), plain.replace("(", r"\big("))
    if "text" not in gold and "mbox" not in gold and not re.search(r"\d \\frac", gold):
        yield re.sub(r"(?<![a-z\\]) | (?![a-z])", "", gold)
        yield re.sub(r"([+=]|(?<=[\w})])-)", r" \1 ", gold)
    if not THOUSANDS.search(gold):
        yield from (gold.replace(",", ", "), gold.replace(",", r",\,"))


def _number(gold: str) -> Iterator[str]:
    digits = re.sub(r"\\\$|,|\\!|\s", "", gold) if THOUSANDS.fullmatch(gold) else gold.removeprefix(r"\$")
    if re.fullmatch(r"-?\d*\.\d+", digits):
        value = Fraction(digits)
        yield from _each(digits, "@0", rf"\frac{{{value.numerator}}}{{{value.denominator}}}", str(value))
        yield f"0{digits}" if digits.startswith(".") else digits.removeprefix("0")
    if not re.fullmatch(r"-?\d+", digits):
        return
    yield from _each(digits, "@", "@.0", "@.00", r"\text{@}", r"\mathbf{@}", "(@)", r"\frac{@}{1}", "{@}")
    yield rf"\frac{{{3 * int(digits)}}}{{3}}"
    if abs(int(digits)) >= 1000:
        yield from (f"{int(digits):,}".replace(",", comma) for comma in (",", "{,}", r",\!", r"\,"))
        yield from (
            f"x = {int(digits):,}",
            f"AB = {int(digits):,}",
            f"{int(digits):,} = n",
            rf"\approx {int(digits):,}",
        )
    if int(digits) > 0:
        yield from (f"+{digits}", rf"\sqrt{{{int(digits) ** 2}}}")


def _fraction(gold: str) -> Iterator[str]:
    if not (found := FRACTION.fullmatch(gold)):
        return
    sign, top, bottom = found[1], int(found[2] or found[3]), int(found[4] or found[5])
    yield from (f"{sign}{top}/{bottom}", f"{sign}{top} / {bottom}", rf"{sign}\frac {{{top}}} {{{bottom}}}")
    yield from (rf"\frac{{{sign}{top}}}{{{bottom}}}", rf"{sign}\frac{{{2 * top}}}{{{2 * bottom}}}")
    if sign:
        yield rf"\frac{{{top}}}{{-{bottom}}}"
    if top < 10:
        yield rf"{sign}\frac{top}{{{bottom}}}"
        yield from (rf"{sign}\frac{top}{bottom}", rf"{sign}\frac {top} {bottom}") if bottom < 10 else ()
    if top > bottom:
        whole, rest = divmod(top, bottom)
        yield from (rf"{sign}{whole}\frac{{{rest}}}{{{bottom}}}", f"{sign}{whole} {rest}/{bottom}")
    if 10**8 % Fraction(top, bottom).denominator == 0:
        yield from _each(f"{sign}{top / bottom!r}", "@", "@0", "$@$")


def _irrational(gold: str) -> Iterator[str]:
    if not re.search(r"\\sqrt\{\d\d", gold):
        yield re.sub(r"\\sqrt\{(\d)\}", r"\\sqrt\1", gold)
    if root := re.fullmatch(r"(\d*)\s*\\sqrt(?:\{(\d+)\}|(\d))", gold):
        factor, inside = root[1] or "1", root[2] or root[3]
        yield from (rf"{factor}\cdot\sqrt{{{inside}}}", f"{factor}*sqrt({inside})", rf"\sqrt{{{inside}}}\cdot {factor}")
        yield from (rf"{factor} \times \sqrt{{{inside}}}", rf"\sqrt{{{int(factor) ** 2 * int(inside)}}}")
        yield from (rf"{factor}\sqrt[2]{{{inside}}}", f"{factor}({inside})^{{1/2}}", f"{root[1]}√{inside}")
    if product := re.fullmatch(r"(\d+) ?\\pi", gold):
        yield from _each(product[1], r"@\cdot\pi", r"\pi\cdot @", "@*pi", r"@ \times \pi", "@pi", r"@\pi\text{ cm}^2")
    if number := re.fullmatch(r"(-?\d+) ?([+-]) ?(\d+)i", gold):
        real, sign, imaginary = number.groups()
        yield from (
            f"{real} {sign} {imaginary} i",
            rf"{real}{sign}{imaginary}\mathrm{{i}}",
            rf"{real}{sign}i\cdot{imaginary}",
        )
        yield f"{sign.strip('+')}{imaginary}i{real if real.startswith('-') else '+' + real}"


def _words(gold: str) -> Iterator[str]:
    if not (found := re.fullmatch(r"\\text\{(.*)\}", gold)):
        return
    bare = found[1].strip("()")
    yield from _each(found[1], "@", r"\textbf{@}", r"\mathrm{@}", r"\text{ @ }", r"\textrm{@}", r"\text{@}.")
    if bare != found[1]:
        yield from _each(bare, "@", r"\text{@}", r"\mathbf{(@)}", r"(\text{@})")
    else:
        yield from (bare.lower(), bare.capitalize(), rf"\text{{{bare.upper()}}}")


def _list(gold: str) -> Iterator[str]:
    items = gold.replace(" ", "").split(",")
    if len(items) > 1 and all(re.fullmatch(r"-?\d\d?", item) for item in items):
        for joint in (" and ", r" \text{ and } ", "; ", " or ", "$, $", "$ and $", r",\ ", " ,"):
            yield ("${}$" if "$" in joint else "{}").format(joint.join(reversed(items)))
        yield from (r"\{" + ", ".join(items) + r"\}", ",".join(f"x={item}" for item in items))
    if pair := re.fullmatch(r"(\d) \\pm (.*)", gold):
        low, high = f"{pair[1]}-{pair[2]}", f"{pair[1]} + {pair[2]}"
        yield from (f"{low}, {high}", rf"{high} \text{{ and }} {low}", rf"\{{{low}, {high}\}}", f"x = {gold}")


def _interval(gold: str) -> Iterator[str]:
    plain = gold.replace(r"\left", "").replace(r"\right", "").removeprefix(r"x \in ")
    found = re.fullmatch(r"([(\[])([^,]*),([^,]*)([)\]])", plain)
    if r"\cup" in plain:
        yield from (rf"x \in {plain}", plain.replace(r"\cup", "∪"), r" \cup ".join(plain.split(r"\cup")[::-1]))
    elif found and re.search(r"[\[\]]|infty|sqrt", plain):
        low, high = found[2].strip(), found[3].strip()
        below, above = ("<" if bracket in "()" else r"\le" for bracket in (found[1], found[4]))
        written = f"{low} {below} x {above} {high}".removeprefix(rf"-\infty {below} ").removesuffix(rf" {above} \infty")
        yield from (written, written.replace(r"\le", r"\leq"), written.replace(r"\le", "≤"), rf"x\in {plain}", plain)
    elif found and "frac" not in plain:
        yield from (
            f"(x,y)=({found[2]},{found[3]})",
            f"x={found[2]}, y={found[3]}",
            rf"({found[2]},~{found[3].strip()}.0)",
        )
    elif re.fullmatch(r"\([-\d,]+\)", plain):
        yield plain.strip("()")


def _matrix(gold: str) -> Iterator[str]:
    if r"\begin{pmatrix}" in gold:
        yield from (gold.replace("pmatrix", "bmatrix"), gold.replace(r"\\", r"\\[6pt]"), gold.replace(" ", ""))
        yield re.sub(r"(-?\d+)/(\d+)", r"\\dfrac{\1}{\2}", gold)
        yield gold.replace(r"\begin{pmatrix}", r"\left(\begin{array}{cc}").replace(
            r"\end{pmatrix}", r"\end{array}\right)"
        )
        array = gold.replace(r"\begin{pmatrix}", r"\begin{array}{cc}").replace("pmatrix", "array")
        yield from (rf"\left[{array}\right]", rf"A = \left[{array}\right]")


def _named(gold: str) -> Iterator[str]:
    if not re.search(r"=|\\in|,|text|\\cup", gold):
        yield from _each(gold, "x=@", "x = @", "n=@", "f(x) = @", "a_1 = @", r"\text{Area} = @", r"x = 1 \cdot @ = @")
    yield gold.removeprefix("x=").removeprefix(r"x \in ")
    if based := re.fullmatch(r"(\d+)_\{?(\d)\}?", gold):
        yield from _each(based[1], "@", f"@_{based[2]}", f"@_{{{based[2]}}}", f"(@)_{based[2]}")
        yield rf"{based[1]}_{{\text{{{BASES[based[2]]}}}}}"


def _with_unit(gold: str) -> Iterator[str]:
    units = [r"@\%", "@%", r"\$@", r"@\text{ cm}", r"@ \text{ cm}^2", "@ cm", "@ units", r"@\,\mathrm{cm}", "@ minutes"]
    if gold.endswith(r"^\circ"):
        value = gold.removesuffix(r"^\circ")
        yield from _each(value, "@", r"@^{\circ}", "@°", r"@ \text{ degrees}", "@ degrees", r"@\degree")
    elif unit := re.search(r"\s*\\(?:text|mbox)\{(.*?)\}(.*)$", gold[1:]):
        yield from _each(
            gold[: unit.start() + 1], "@", rf"@\text{{{unit[1]}}}{unit[2]}", f"@ {unit[1].strip()}{unit[2]}"
        )
    elif gold.startswith(r"\$"):
        yield from _each(gold.removeprefix(r"\$"), "@", "$@", r"@\text{ dollars}", "@ dollars", r"\$ @")
    elif re.fullmatch(r"[\d.]+", gold):
        yield from _each(gold, *units, r"@ \text{ square units}", r"@ \mbox{ hours}", r"@^\circ")


def near_misses(gold: str) -> list[str]:
    """Return answers close to `gold`, all of them wrong: another number, a flipped sign, another order."""
    found = [
        *_numbers_changed(gold),
        *_signs_flipped(gold),
        *_order_changed(gold),
        *_other_kind(gold),
        *_symbols_changed(gold),
    ]
    return [miss for miss in dict.fromkeys(found) if miss != gold]


def _numbers_changed(gold: str) -> Iterator[str]:
    for digits in re.finditer(r"(?<![\d.^])\d+(?![\d.])", gold):
        for wrong in (f"{int(digits[0]) + 1}", f"{digits[0]}1"):
            yield gold[: digits.start()] + wrong + gold[digits.end() :]
    for decimal in re.finditer(r"\d*\.\d+", gold):
        last = (int(decimal[0][-1]) + 1) % 10
        yield from (gold.replace(decimal[0], f"{decimal[0]}1"), gold.replace(decimal[0], f"{decimal[0][:-1]}{last}"))
    if re.fullmatch(r"-?\d+", gold) and gold not in ("0", "1", "-1"):
        yield from _each(gold, "@.5", "@.001", "@.000001", "@0", "10^{@}", "@^2", r"\sqrt{@}", r"\frac{1}{@}", "x^2=@")


def _symbols_changed(gold: str) -> Iterator[str]:
    if re.search(r"text|mbox|[a-zA-Z]\(|\\begin", gold):
        return
    for letter in re.finditer(r"(?<![\\A-Za-z_])[a-zA-Z](?![A-Za-z_'])", gold):
        before, after = gold[: letter.start()], gold[letter.end() :]
        if letter[0] not in "ei":
            yield re.sub(rf"(?<![\\A-Za-z]){letter[0]}(?![A-Za-z])", "q", gold)
            yield from (f"{before}{letter[0]}_{{3}}{after}", f"{before}{letter[0]}'{after}")
    for exponent in re.finditer(r"\^\{?(\d)\}?", gold):
        yield f"{gold[: exponent.start()]}^{{{int(exponent[1]) + 1}}}{gold[exponent.end() :]}"
    if gold.count("=") == 1:
        yield from _each(gold, "@+1", "@-3")
        yield re.sub("=(.*)", r"=2(\1)+1", gold)


def _signs_flipped(gold: str) -> Iterator[str]:
    if not gold.startswith(r"\text") and gold != "0" and "=" not in gold:
        yield gold.removeprefix("-") if gold.startswith("-") else f"-{gold}"
    for sign in re.finditer(r"(?<=[\w} ,(])[+-]", gold):
        yield gold[: sign.start()] + ("-" if sign[0] == "+" else "+") + gold[sign.end() :]


def _order_changed(gold: str) -> Iterator[str]:
    if (found := re.fullmatch(r"(.*?[(\[])(.*)([)\]])", gold)) and r"\cup" not in gold and "," in gold:
        head, items, tail = found[1], found[2].split(","), found[3]
        for wrong in (items[::-1], items[1:] + items[:1], items[:-1], [*items, "7"]):
            yield head + ",".join(wrong) + tail
        if len(items) == 2 and head == "(" and tail == "]":
            yield from (gold[:-1] + ")", "[" + gold[1:])
    if r"\begin{pmatrix}" in gold:
        rows = gold.split("{pmatrix}")[1].removesuffix(r"\end").split(r"\\")
        for wrong in (r"\\".join(rows[::-1]), "&".join(rows), r"\\".join(rows[:-1])):
            yield rf"\begin{{pmatrix}}{wrong}\end{{pmatrix}}"
    if (fraction := FRACTION.fullmatch(gold)) and fraction[2] and fraction[4]:
        yield rf"{fraction[1]}\frac{{{fraction[4]}}}{{{fraction[2]}}}"


def _other_kind(gold: str) -> Iterator[str]:
    if re.fullmatch(r"-?[1-9]\d*", gold):
        yield from _each(gold, "@x", "@i", r"@\pi", "@k", "@m", "x+@", "@, 1", "(@,0)", "x>@", "<@", r"\text{@ or so}")
    if re.fullmatch(r"\\text\{\w+\}", gold):
        yield from (gold[:-1] + "s}", rf"\text{{not {gold[6:-1]}}}", gold[:-2] + "}")
    yield from (gold.replace(r"\pi", "3.14"), gold.replace(r"\sqrt", ""))
    if re.search(r"\d_", gold):
        yield re.sub(r"_.*", "_7", gold)
    yield "z" + gold[1:] if gold.startswith(("x=", "y =")) else gold
