"""What `ttc figures` is asked: the models, the data and the budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ttc.errors import UserError

NONE = "none"
_POCKET = {
    "orm": "pocket_orm",
    "reviser": "pocket_reviser",
    "revision_verifier": "pocket_revision_verifier",
    "rest_em_reviser": "pocket_rest_em_reviser",
    "larger": "pocket_larger",
}


@dataclass
class FigureSettings:
    """The cast of the figures, by names of config options, and how much is run.

    Where the generator is the pocket's, the other models are the pocket's too unless they are given; otherwise those
    that are not given are missing, and so are the figures that need them. `none` leaves a model out.
    """

    generator: str = "pocket"
    prm: str = "pocket"  # guides searches
    orm: str | None = None  # an outcome reward model, to compare with the PRM
    reviser: str | None = None
    revision_verifier: str | None = None  # sees earlier attempts
    rest_em_reviser: str | None = None  # the reviser finetuned on its own trajectories
    larger: str | None = None  # a generator with about 14 times the parameters, decoded greedily
    data: str = "pocket"
    max_budget: int = 64  # generations per problem
    seeds: list[int] = field(default_factory=lambda: [0])
    overrides: tuple[str, ...] = ()  # of every run, e.g. data.limit=100

    def __post_init__(self) -> None:
        """Fill in the pocket's cast, and refuse numbers that cannot work."""
        for name, pocket in _POCKET.items():
            given = getattr(self, name)
            setattr(self, name, (pocket if self.generator == "pocket" else NONE) if given is None else given)
        if self.max_budget < 4:
            raise UserError(f"max_budget={self.max_budget}: must be at least 4 generations; use e.g. max_budget=64.")
        if not self.seeds or min(self.seeds) < 0:
            raise UserError(f"seeds={self.seeds}: must be numbers that are not negative; use e.g. seeds=[0,1,2].")
        self.seeds = [*dict.fromkeys(self.seeds)]

    @property
    def budgets(self) -> list[int]:
        """All powers of two up to the largest budget."""
        return [2**power for power in range(self.max_budget.bit_length()) if 2**power <= self.max_budget]

    def has(self, *models: str) -> bool:
        """Whether all these models are given."""
        return all(getattr(self, name) != NONE for name in models)


def parse_settings(arguments: Sequence[str]) -> FigureSettings:
    """Read `KEY=VALUE` arguments; keys that are none of the settings are overrides of every run.

    Raises:
        UserError: an argument of another form, or an impossible value.
    """
    own = {known.name for known in fields(FigureSettings)} - {"overrides"}
    mine = [argument for argument in arguments if argument.partition("=")[0] in own]
    others = tuple(argument for argument in arguments if argument not in mine)
    for argument in others:
        key = argument.partition("=")[0]
        if "=" not in argument or (
            "." not in key and key not in ("store", "difficulty", "grader", "grading_units", "workers")
        ):
            raise UserError(
                f"{argument}: no such figure or setting; give figures, e.g. 3 9, settings "
                f"({', '.join(sorted(own))}), or settings of the runs, e.g. data.limit=100."
            )
    try:
        merged = OmegaConf.merge(OmegaConf.structured(_Typed), OmegaConf.from_dotlist(mine))
        given = OmegaConf.to_container(merged)
    except (OmegaConfBaseException, ValueError) as error:
        raise UserError(f"{' '.join(mine)}: {str(error).splitlines()[0]}; fix the value.") from None
    assert isinstance(given, dict)
    return FigureSettings(**{str(key): value for key, value in given.items()}, overrides=others)


@dataclass
class _Typed:
    """The settings that may be given, as OmegaConf reads them."""

    generator: str = "pocket"
    prm: str = "pocket"
    orm: str | None = None
    reviser: str | None = None
    revision_verifier: str | None = None
    rest_em_reviser: str | None = None
    larger: str | None = None
    data: str = "pocket"
    max_budget: int = 64
    seeds: list[int] = field(default_factory=lambda: [0])
