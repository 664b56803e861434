"""`ttc push`: a finished run becomes a dataset repository on the hub, with a card made from its summary."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ttc import __version__
from ttc.analysis.markup import markdown, markdown_text
from ttc.analysis.run_report import checked_tables, read_accuracies
from ttc.errors import RunError, UserError
from ttc.files import write_text
from ttc.hub import one_line
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import Run
from ttc.runs.hydra_files import CONFIG
from ttc.terminal import printable_line

_LICENCES = (
    "`problems.jsonl` holds the problems of {data} and the solutions that were sampled: the licence of the data holds "
    "for them."
)


class Hub(Protocol):
    """What is used of `huggingface_hub.HfApi`."""

    def create_repo(self, repo_id: str, *, repo_type: str, private: bool | None, exist_ok: bool) -> object:
        """Create a repository where there is none."""

    def upload_folder(self, *, repo_id: str, folder_path: str, repo_type: str, commit_message: str) -> object:
        """Upload a directory in one commit."""


def push_run(directory: Path, repo: str, *, with_problems: bool = False, private: bool = False) -> str:
    """Upload a run: its card, summary, tables and config; with `with_problems` its rows and trees. Return its address.

    Raises:
        UserError: not a finished run, an impossible name, no token, or one that may not write there.
        RunError: the hub cannot be reached, or fails.
    """
    from huggingface_hub import HfApi, constants

    run = Run.load(directory)
    run.require_complete()
    card = card_of(run, with_problems=with_problems)
    files = [*_files(run, with_problems)]
    with _explained(repo):
        _refuse_missing_token()
        _upload(HfApi(), repo, card, files, private)
    return f"{constants.ENDPOINT}/datasets/{repo}"


def card_of(run: Run, *, with_problems: bool) -> str:
    """Return README.md: what was run, its tables, costs and notes. Nothing of it that is not ttc's acts as markup.

    Raises:
        UserError: a file of the run is damaged, or another run's.
    """
    tables = checked_tables(run, read_accuracies(run))
    summary = run.summary
    names = {"generator": "generator", "prm": "verifier", "data": "data", "seed": "seed"}
    facts = [f"- {shown}: {markdown_text(str(summary[key]))}" for key, shown in names.items() if key in summary]
    title = f"{summary['strategy']}, budget {summary['budget']}"
    command = " ".join(f"{key}={value}" for key, value in run.overrides.items() if not key.startswith("hydra"))
    lines = [
        *_front_matter(with_problems),
        f"# {markdown_text(title)}",
        "",
        f"A run of `ttc` {__version__}, which runs experiments in test-time compute "
        "([Snell et al. 2024](https://arxiv.org/abs/2408.03314)).",
        "",
        *facts,
        *([f"- command: {markdown_text(printable_line(f'ttc run {command}', 1000))}"] if command else []),
        "",
        *(markdown(table) for table in tables),
        *([_LICENCES.format(data=markdown_text(str(summary.get("data"))))] if with_problems else []),
    ]
    return "\n".join(lines)


def _front_matter(with_problems: bool) -> list[str]:
    """Return what the hub reads: tags, and which file makes which table of its viewer."""
    tables = {"accuracy": "accuracy.csv", **({"problems": "problems.jsonl"} if with_problems else {})}
    configs = [line for name in tables for line in (f"- config_name: {name}", f"  data_files: {tables[name]}")]
    return ["---", "tags:", "- test-time-compute", "- ttc", "configs:", *configs, "---", ""]


def _files(run: Run, with_problems: bool) -> Iterator[tuple[str, Path]]:
    """Yield the name and place of each file; the caller has read the tables, and so knows that they fit the summary."""
    files = RunDirectory(run.directory)
    yield from ((file.name, file) for file in (files.summary_file, files.accuracy_file))
    if (config := run.directory / CONFIG).is_file():
        yield config.name, config
    if with_problems:
        yield files.problems_file.name, files.problems_file
        if files.has_trees(run.summary):
            yield files.trees_file.name, files.trees_file


def _upload(hub: Hub, repo: str, card: str, files: list[tuple[str, Path]], private: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_text(Path(folder) / "README.md", card)
        for name, file in files:
            os.symlink(file.resolve(), Path(folder) / name)
        # None: what the hub has for a repository that exists already, and the account's own default for a new one.
        hub.create_repo(repo, repo_type="dataset", private=private or None, exist_ok=True)
        hub.upload_folder(repo_id=repo, folder_path=folder, repo_type="dataset", commit_message="A run of ttc")


def _refuse_missing_token() -> None:
    from huggingface_hub import constants, get_token

    if constants.HF_HUB_OFFLINE:
        raise UserError("HF_HUB_OFFLINE is set, which forbids the network; unset it to push a run.")
    if get_token() is None:
        raise UserError("not logged in to the hub; run `hf auth login`, or set HF_TOKEN to a token that may write.")


@contextmanager
def _explained(repo: str) -> Iterator[None]:
    """Turn what the hub's client raises into one line."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        yield
    except (UserError, RunError):
        raise
    except HFValidationError:
        raise UserError(f"--repo {printable_line(repo, 100)} cannot name a repository; use OWNER/NAME.") from None
    except HfHubHTTPError as error:
        code = error.response.status_code
        if code in (401, 403, 404):
            raise UserError(
                f"--repo {repo}: the token may not write there ({code}); use one that may, or another OWNER/NAME."
            ) from None
        raise RunError(f"the hub answered with the error {code}; run the same command again later.") from None
    except Exception as error:  # whatever the client's transport raises
        raise RunError(
            f"the run could not be uploaded ({printable_line(one_line(error))}); check the network, then run the same "
            "command again."
        ) from error
