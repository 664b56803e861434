"""MLflow, on a server or in files: `tracker=mlflow tracker.uri=file:outputs/mlruns`."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ttc.errors import UserError
from ttc.tracking.base import Session, TrackedRun, TrackedTable, Tracker, flattened, numbers_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

MOST_PARAMS = 100  # in one request
LONGEST_PARAM = 500  # characters, of the oldest servers
_NO_NAME = re.compile(r"[^\w\-./ ]")


@dataclass
class MlflowTracker(Tracker):
    """Reports to MLflow.

    `uri` null is what the environment variable MLFLOW_TRACKING_URI says, or MLflow's own default.
    """

    uri: str | None = None
    experiment: str = "ttc"
    name: str | None = None  # of the run; null: its strategy, budget, data and seed

    package: ClassVar[str] = "mlflow"
    client: ClassVar[str] = "mlflow"
    option: ClassVar[str] = "mlflow"

    def check(self) -> None:
        super().check()
        if not self.experiment.strip():
            raise UserError(f"tracker.experiment={self.experiment!r} is blank; use e.g. tracker.experiment=ttc.")

    def start(self, run: TrackedRun) -> Session:
        if self.uri is not None and self.uri.startswith("file:"):
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # newer versions refuse files without
        from mlflow import MlflowClient
        from mlflow.entities import Param

        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # a server that is gone is one warning
        client = MlflowClient(tracking_uri=self.uri)
        experiment = client.get_experiment_by_name(self.experiment)
        number = experiment.experiment_id if experiment is not None else client.create_experiment(self.experiment)
        id_: str = client.create_run(number, run_name=self.name or run.name).info.run_id
        params = [Param(_name(key), str(value)[:LONGEST_PARAM]) for key, value in flattened(run.config).items()]
        for start in range(0, len(params), MOST_PARAMS):
            client.log_batch(id_, params=params[start : start + MOST_PARAMS])
        client.log_dict(id_, dict(run.config), "config.json")
        return _MlflowSession(client, id_)


class _MlflowSession:
    def __init__(self, client: MlflowClient, id_: str) -> None:
        self._client, self._id, self._steps = client, id_, 0

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = round(time.time() * 1000)
        self._client.log_batch(self._id, metrics=[Metric(_name(key), metrics[key], now, step) for key in metrics])
        self._steps = step + 1

    def finish(self, summary: Mapping[str, object], table: TrackedTable) -> None:
        self.log(self._steps, numbers_of(summary))
        self._client.log_dict(self._id, dict(summary), "ttc_summary.json")
        self._client.log_artifact(self._id, str(table.file))
        self._client.set_terminated(self._id, "FINISHED")

    def abort(self) -> None:
        self._client.set_terminated(self._id, "FAILED")


def _name(key: str) -> str:
    """Return a name that MLflow accepts: pass@1 is none."""
    return _NO_NAME.sub("_", key)
