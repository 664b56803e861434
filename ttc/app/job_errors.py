"""How a job's error passes Hydra, which handles every Exception of a job itself."""

from __future__ import annotations

from omegaconf import DictConfig

from ttc.errors import RunError, UserError


class Stopped(BaseException):
    """Carries an error past Hydra: no further job starts."""

    def __init__(self, error: UserError | RunError) -> None:
        super().__init__(error)
        self.error = error


class FailedJob(Exception):
    """Carries an error through Hydra, from another process too, while the other jobs of the sweep continue.

    Attributes:
        error: what is wrong with the job.
        config: with Hydra's own node, of the job; of the sweep, where the job left none.
        elsewhere: whether another process ran it, so that nothing of it has been shown yet.
    """

    def __init__(self, error: UserError | RunError, config: DictConfig, elsewhere: bool) -> None:
        super().__init__(error, config, elsewhere)  # what a pickle of it holds
        self.error, self.config, self.elsewhere = error, config, elsewhere
