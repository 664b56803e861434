"""The report's page: one HTML file with its own script, style and data, which may connect to nothing."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ttc.errors import UserError
from ttc.report.blocks import encode
from ttc.report.formulas import PATTERN, Formulas
from ttc.report.overview import comparison, labels, overview
from ttc.report.problems import ProblemView, batches, columns, over_optimised_from, view_problem
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import Run
from ttc.selection import Aggregation

BATCH = 25  # problems that are compressed together, and so decompressed together
PARTS = Path(__file__).parent / "page"
_STYLES = ("base.css", "parts.css", "overview.css", "explorer.css", "problem.css", "tree.css")
_SCRIPTS = (
    *("dom.js", "data.js", "theme.js", "text.js", "values.js", "tables.js", "charts.js", "overview.js", "filters.js"),
    *("list.js", "answers.js", "tree_model.js", "tree_layout.js", "tree_boxes.js", "tree.js", "chains.js"),
    *("candidates.js", "problem.js", "keyboard.js", "report.js"),
)


@dataclass(frozen=True)
class Page:
    """A page and the policy that it carries: what a server sends with it as a header, too."""

    html: str
    policy: str


def report_page(runs: Sequence[Run], figures: Sequence[dict[str, str]] = (), *, home: bool = False) -> Page:
    """Return the page of finished runs; the same runs give the same bytes.

    Args:
        runs: at least one; the same run given twice counts once.
        figures: as `read_figures` returns them.
        home: whether it links to the list of runs at /, on the server.

    Raises:
        UserError: files of a run are damaged.
    """
    runs = [*{run.directory.resolve(): run for run in runs}.values()]
    parts = [_views(run) for run in runs]
    counts: Counter[str] = Counter()
    for views in parts:
        for view in views:
            counts.update(view.formulas)
    formulas = Formulas(counts)
    blocks: list[str] = []
    shown = []
    for run, label, views in zip(runs, labels(runs), parts, strict=True):
        first = len(blocks) + 1  # block 0 is the index
        blocks += (encode(_batch(batch, formulas)) for batch in batches(views, BATCH))
        shown.append(
            overview(run)
            | {"label": label, "first_block": first, "high_value": round(over_optimised_from(views), 4)}
            | {"problems": columns([view.row for view in views])}
        )
    index = {
        "runs": shown,
        "comparison": comparison(runs),
        "figures": list(figures),
        "pattern": PATTERN,
        "batch": BATCH,
        "home": home,
    }
    return assemble("report.html", _STYLES, _SCRIPTS, [encode(index), *blocks])


def assemble(
    template: str, styles: Iterable[str], scripts: Iterable[str], blocks: Iterable[str] = (), connect: str = "'none'"
) -> Page:
    """Return a page from its parts, with a policy that admits exactly them; `connect` is what it may connect to."""
    style = "\n".join(read_part(name) for name in styles)
    # One function around all files: they share names, and leave none behind.
    script = "(() => {\n" + '"use strict";\n' + "\n".join(read_part(name) for name in scripts) + "\n})();\n"
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
        f"connect-src {connect}; base-uri 'none'; form-action 'none'"
    )
    data = "\n".join(
        f'<script type="application/octet-stream" id="block-{number}">{block}</script>'
        for number, block in enumerate(blocks)
    )
    pieces = {"POLICY": policy, "STYLE": style, "SCRIPT": script, "BLOCKS": data}
    return Page("".join(_filled(read_part(template), pieces)), policy)


def read_part(name: str) -> str:
    """Return a file that the page is made of."""
    return (PARTS / name).read_text(encoding="utf-8")


def _filled(template: str, pieces: dict[str, str]) -> Iterator[str]:
    """Yield the template with each `{{NAME}}` replaced, once: what is put in is not looked at again."""
    head, *rest = template.split("{{")
    yield head
    for part in rest:
        name, _, after = part.partition("}}")
        yield pieces[name]
        yield after


def _views(run: Run) -> list[ProblemView]:
    trees = RunDirectory(run.directory).trees()
    selection, aggregation = str(run.summary["selection"]), _aggregation(run)
    return [view_problem(record, trees.get(record.id), selection, aggregation) for record in run.records]


def _aggregation(run: Run) -> Aggregation:
    name = run.summary.get("aggregation", "last")
    try:
        return Aggregation(name)
    except ValueError:
        file = RunDirectory(run.directory).summary_file
        raise UserError(
            f"{file}: aggregation={name!r:.80} is not what a run writes; run the experiment again."
        ) from None


def _batch(views: Sequence[ProblemView], formulas: Formulas) -> dict[str, object]:
    sources = [source for view in views for source in view.formulas]
    return {"problems": [view.detail for view in views], "formulas": formulas.among(sources)}


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
