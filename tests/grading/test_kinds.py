"""Kinds of spellings that are right, and kinds of near misses that are wrong, one short example each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ttc.grading import Grader

# gold answer <- answer || the next pair
RIGHT = {
    "explicit product after a slash": r"""
        \frac{9\pi}{2} <- 9/2\cdot\pi || \frac{3x}{4} <- 3/4*x || \frac{5\pi}{6} <- 5/6 \times \pi ||
        \frac{25\pi}{144} <- 25 \pi / 144 || \frac{\sqrt3}{2} <- 1/2*sqrt(3) || 2^6 \cdot 3^5 <- 2^6 3^5
    """,
    "thousands commas": r"""
        2125 <- x = 2,125 || 61,328 <- AB = 61,328 || 1,000\pi <- 1000\pi || 1024 <- 2^{10} = 1,024 ||
        (1000, 2) <- (1,000, 2) || (1000,2000) <- (1,000;2,000) || 1000 <- \approx 1,000 || 1000 <- 1,000 = x ||
        120, 240 <- 120,240 || 1234 <- \$1,234 || -12500 <- -12,500 || \frac{1000}{3} <- \frac{1,000}{3}
    """,
    "matrix": r"""
        \begin{pmatrix}1&2\\3&4\end{pmatrix} <- \left[\begin{array}{cc}1&2\\3&4\end{array}\right] ||
        B^{-1}=\left[\begin{array}{rr}3 & 7 \\ 5 & 2\end{array}\right] <- \begin{bmatrix}3 & 7 \\ 5 & 2\end{bmatrix} ||
        \left(\begin{array}{c}\frac12\\3\end{array}\right) <- \begin{pmatrix}0.5\\3\end{pmatrix} ||
        \begin{pmatrix}2&4\\6&8\end{pmatrix} <- 2\begin{pmatrix}1&2\\3&4\end{pmatrix}
    """,
    "scientific notation": r"""
        4.5 \times 10^{33} <- 4.5e33 || 7.4e-12 <- 7.4 \times 10^{-12} || 0.00001 <- 1e-5 || 0.01 <- 10^-2 ||
        10^{-2} <- 10^-2 || 2500 <- 2.5E3 || 3e6 <- 3 \times 10^{6} \text{ m}
    """,
    "unit": r"""
        9 (apples) <- 9 || 9 (chairs) <- 9\text{ chairs} || 4 (down votes) <- 4 down votes || 75 <- 75 m ||
        18 <- 18 USD ||
        18 <- USD 18 || 12 <- €12 || 12 <- 12\,\Omega || 12 <- 12 m/s || 24 <- 24个 ||
        4000 / 49 \mathrm{~m} / \mathrm{s} <- \frac{4000}{49} || 11.6 \mathrm{lb} / \mathrm{in}^{2} <- 11.6 ||
        80 \pi \mathrm{mi} / \mathrm{min} <- 80\pi\mathrm{mi}/\mathrm{min} || 100.5 <- 100.5\text{ cm}^{3} ||
        1 in <- 1in || 64 <- 64 (in total) || 12000000 <- 12 million || 2m <- 2 m || 5 <- 5\text{ ft}^2
    """,
    "decimals": r"""
        \sqrt{2} <- 1.41421356 || \pi <- 3.14159265 || \frac13 <- 0.333333 || \frac13 <- 0.\overline{3} ||
        0.1\overline{6} <- \frac16 || \frac{1}{3} <- 0.333... || \frac{4}{33} <- 0.1212... || -3./2 <- -1.5
    """,
    "set of numbers": r"""
        (e,\infty) <- x>e || (a, \infty) <- x > a || x>2 <- \{x : x > 2\} || $\{x \mid x \geq 0\}$ <- x \geq 0 ||
        \{x \mid h-r \leq x \leq h+r\} <- [h-r, h+r] || \{x \mid-1 / 3<x<1 / 3\} <- \left(-\frac13,\frac13\right) ||
        (-\infty,\infty) <- \mathbb{R} || \mathbb R <- \text{all real numbers} || |x|<3 <- (-3,3) ||
        (-\infty, 5) \cup(5, \infty) <- x \neq 5 || (-\infty,0)\cup(0,1)\cup(1,\infty) <- \mathbb{R}\setminus\{0,1\} ||
        (-\infty, 2) \cup(2,3] <- x \le 3, x \ne 2 || x<1 <- -x>-1 || 0<f(x)<1 <- (0,1) ||
        [0,1)\cup(1,\infty) <- x \geq 0 \text{ and } x \neq 1 || (-\infty,-1)\cup(1,\infty) <- x < -1 or x > 1 ||
        There is no solution. <- \emptyset || There is no solution. <- \text{No solution}
    """,
    "unordered list": r"""
        i,-i <- -i, i || 1, e, \pi <- e, 1, \pi || \pm i, \pm\sqrt3 <- \pm\sqrt3,\pm i || B, C <- C, B ||
        x, 2 <- 2, x ||
        \{1, x, \cos 3x\} <- \{x, 1, \cos 3x\} || $f(x)=x$,$f(x)=2-x$ <- f(x)=2-x, f(x)=x ||
        .189, .027. <- .027, .189 ||
        3or4 <- 3,4 || \frac12 <- \frac12 \text{ or } 0.5 ||
        (22-8 \sqrt{6}, 22+8 \sqrt{6}),(22+8 \sqrt{6}, 22-8 \sqrt{6}) <- (22 \pm 8\sqrt6, 22 \mp 8\sqrt6)
    """,
    "named result": r"""
        x=2, y=-1 <- (2,-1) || x=2, y=-1, z=2 <- (x,y,z) = (2, -1, 2) || 2 <- 2=x || \frac{40}{3}=a <- a = 40/3 ||
        $m_{\max }=n^{2}-n-1$ <- n^2-n-1 || p=5,q=2;p=7,q=2 <- (5,2),(7,2) || x+2 y=z <- z=x+2y || v=-2t <- v(t)=-2t ||
        x=1, y=2 <- \begin{cases}x=1\\y=2\end{cases} || Solution is: $(x, y)=(1,2)$ <- (1,2) || y=3, x=2 <- x=2,y=3 ||
        y=2x+3 <- f(x)=2x+3 || f(n)=n, g(n)=1 <- g(n)=1, f(n)=n
    """,
    "equation": r"""
        4x-y+7=0 <- y=4x+7 || 3x+4y=12 <- y=-\frac34x+3 || x^2+y=1 <- y=1-x^2 || x^2=4 <- x=\pm2 || y=\frac1x <- xy=1 ||
        x^2+1=0 <- 2x^2+2=0 || y^{\prime}+r y-r x(t)=0 <- y' = r(x(t)-y) || \log_6(216)=3 <- 3 ||
        $\log _{6}(216)=3$ <- \log_6(216)=3 || x \ge 3y <- 2x \geq 6y || 5 <- 2+3=5
    """,
    "algebra": r"""
        (x-i)(x+i) <- x^2+1 || i(2-i) <- 1+2i || 2\sqrt{-1} <- 2i || \sqrt[3]{x^2} <- x^{2/3} ||
        4u^{5/3}v <- 4uv\sqrt[3]{u^2} || a \sqrt[10]{a b^{7}} <- a^{11/10}b^{7/10} ||
        -\tau \ln \Delta <- \tau \ln\frac1\Delta || t \tan t+\ln |\cos t|+C <- t\tan t - \ln|\sec t| + C ||
        \frac{1}{2a}(\exp{a*t} - \exp{-a*t}) <- \frac{\sinh(at)}{a} || e^{9}-1 <- -1 + exp(9) || E_1+E_2 <- E_2+E_1 ||
        2\mathbf{a}+3\mathbf{b} <- 3\mathbf{b}+2\mathbf{a} || \frac{4 A}{3+3 i} e^{i t} <- \frac{2A(1-i)}{3}e^{it} ||
        2 <- \int_0^2 x dx || 10 <- \sum_{k=1}^{4} k
    """,
    "degrees": r"""
        \frac12 <- \sin 30^\circ || 30 <- 30^\circ || \frac{\sqrt3}{2} <- \cos{30^{\circ}} || 20 <- 20^\circ\text{C}
    """,
    "words": r"""
        \text{a necessary but not a sufficient} <- \text{necessary but not sufficient} ||
        \text{4:30 p.m.} <- 4:30 p.m. ||
        \text{(A)} <- \text{(A).} || \text{1:03 PM} <- \text{1:03 PM.} || \text{C, F, H} <- \text{C, F, H.} ||
        C <- \text{C: about 40 km} || C <- \textbf{(C)}\ 12 || C <- \text{Option C} || C <- C. 12 ||
        \text{(C)} <- (C) 12 || 7 <- \text{The answer is } 7 || f(x)=2x <- f(x)=2x \text{ for all real } x ||
        2:3 <- 2\text{ to }3 || 3:30 <- 3{:}30 || 63^{\circ} 45^{\prime} <- 63^\circ 45'
    """,
    "decoration": r"""
        7 <- \color{red}{7} || 7 <- \boldsymbol{7} || 7 <- \underline{7} || 1+x <- \textcolor{blue}{x+1} ||
        7 <- \mathbf{7} || (1,2) <- （1，2） || 12 <- **12** || 12 <- \boxed{12}
    """,
}

WRONG = {
    "explicit product after a slash": r"""
        \frac{1}{2x} <- 1/2*x || \frac{9}{2\pi} <- 9/2\cdot\pi || \frac{3}{4\sqrt2} <- 3/4*sqrt(2) || 23 <- 2 3 ||
        6 <- 2 3
    """,
    "equation": r"""
        x^2+1=0 <- 5=0 || x^2+1=0 <- 0=1 || x^2=-4 <- x^2=-9 || x^2-2x+10=0 <- x^2+4=0 || x^2+1=0 <- x^2+1=-7 ||
        \log_6(216)=3 <- \log_6(216)=4 || \log_6(216)=3 <- 1=1 || \ln(e^5)=5 <- 2=3 || \cos(\pi)=-1 <- \sin(\pi)=-1 ||
        \sin(x)=\frac12 <- \cos(x)=\frac12 || \frac{d x}{d t}=k x-a <- \frac{dx}{dt} = 2kx - 2a || x^2=9 <- 3 ||
        \int_0^{2\pi}\sin t dt=0 <- \int_1^{2\pi}\sin t dt=0 || x^2=4 <- x=2 || 9 <- x^2=9 || y=5 <- x=5 ||
        s^2 \leq 8r^2 <- x^2 \leq 8r^2 || x^2+y^2=0 <- x^2-y^2=0
    """,
    "indices and bases": r"""
        101_2,11_3 <- 101_5,11_3 || E_{1},E_{2} <- E_1, E_3 || F_2 <- F || C_5 <- C || (A_2,B_3) <- (A_3,B_2) ||
        0.0011_2 <- 0.0011_3 || -221_3 <- -221_4 || a_3+1 <- a_4+1 || \log_4 8 <- \log_5 8 || 314_5 <- 314_6
    """,
    "prime": r"""
        f'(x)=2x <- f(x)=2x || x' <- x || y'+y <- y''+y
    """,
    "order of named values": r"""
        x=1, y=2 <- 2, 1 || n=15, r=7 <- 7, 15 || x=1, y=2 <- x=2, y=1 || x=1,y=2 <- (2,1)
    """,
    "precision": r"""
        1-5051/2^{100} <- 1-5051/2^{101} || 2^{1000} <- 2^{1000}+1 || \sqrt2 <- 1.414 || \sqrt2 <- 1.4142135 ||
        \pi <- 3.141592 || \frac13 <- 0.33333 || \frac{\pi}{100000} <- 0.000031 || 2\pi 10^{-30} <- 10^{-30}\pi
    """,
    "unit": r"""
        12 <- 12 million || 2 <- 2 dozen || 2\mathbf{a} <- 2\mathbf{b} || 3 <- 3\text{x} || 2 <- 2m || 2 <- 2k ||
        \mathrm{V}=100.5 \mathrm{~cm}^{3} <- 100.5 \mathrm{~cm}^{4} || 5 <- 5\text{ or less} || 2 <- 2 (abc) ||
        3 <- 3 (mod 7) || 8 p.m. <- 8 a.m.
    """,
    "text around": r"""
        x \geq 0 \text{ she must make } 5500 <- x \geq 0 \text{ she must make } 5501 || C <- D. 12 || C <- (B) 12 ||
        mean <- mane || \mathbb{R} <- \text{no solution}
    """,
    "brackets": r"""
        1600 <- (1,600) || (1,2) <- [1,2) || (4,112) <- (4,112] || (1,2) <- (2,1) || x>2 <- x>=2 || (1,2) <- 1,2
    """,
    "functions": r"""
        \lfloor\sqrt{n-1}\rfloor <- \lfloor\sqrt{n+1}\rfloor || f(2x) <- 2f(x) || f(x) <- g(x) || \log x <- \ln x ||
        x <- |x| || x <- \sqrt{x^2} || N <- n || R^2-r^2 <- 0 || 2\sin(x) <- \sin(2x) || (n+1)! <- n!
    """,
    "power without end": r"""
        5 <- 9^{9^{9^{9}}} || 9^{9^{9^{8}}} <- 9^{9^{9^{9}}} || 5 <- 1000000! || \frac{2}{0} <- \frac{1}{0}
    """,
}


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader() as grader:
        yield grader


@pytest.mark.parametrize("kind", RIGHT)
def test_another_spelling_of_the_gold_answer_is_right(grader: Grader, kind: str) -> None:
    pairs = _pairs(RIGHT[kind])
    assert [pair for pair, right in zip(pairs, grader.grade(pairs), strict=True) if not right] == []


@pytest.mark.parametrize("kind", WRONG)
def test_a_near_miss_of_the_gold_answer_is_wrong(grader: Grader, kind: str) -> None:
    pairs = _pairs(WRONG[kind])
    assert [pair for pair, right in zip(pairs, grader.grade(pairs), strict=True) if right] == []


def _pairs(table: str) -> list[tuple[str, str]]:
    rows = [row.split(" <- ") for row in table.split(" ||")]
    return [(answer.strip(), gold.strip()) for gold, answer in rows]
