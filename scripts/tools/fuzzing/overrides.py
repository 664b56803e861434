"""Bad overrides and arguments: values, keys, quoting, flags."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from omegaconf import DictConfig, Node, OmegaConf
from omegaconf.nodes import BooleanNode, EnumNode, FloatNode, IntegerNode

from fuzzing.cases import Case, Template, file, fixed, run_case, special
from ttc.app.hydra_internals import compose, config_loader
from ttc.app.registry import config_directory, register_run, register_training

WORDS = ("abc", "", "[1]", "{a:1}", "'4 4'", "4x", "${nope}", "a=b", "'", '"', "[1", "{", "4,", "(1", "\\", "null(")
# Values that some keys may have.
NUMBERS: Mapping[type[Node], tuple[str, ...]] = {
    IntegerNode: ("-7", "0", "1.5", "1e400", "nan", "100000000000000000000000000", "true"),
    FloatNode: ("-1", "nan", "inf", "-inf", "1e400", "0"),
    BooleanNode: ("7", "maybe"),
    EnumNode: ("foo", "0", "Best"),
}
FLAGS = ("--budget", "-x", "--cfg nothing", "-cd nowhere", "-cn nothing", "-cp nowhere", "--resolve", "-m --cfg job")
MALFORMED = (
    *("budget", "=", "=3", "budget=", "budget=4,8", "budget=range(1,3)", "budget = 4", "budget:4", "--budget=4", ""),
    *("budget=2 budget=abc", "strategy=beam,width=4", "strategy", "strategy=", "strategy=null", "strategy=3", "?", "~"),
    *("a.=3", ".a=3", "strategy..width=3", "strategy/beam=3", "@x=3", "strategy@y=beam", "++", "~zzz"),
    *("seed=${budget} budget=${seed}", "seed=${oc.env:NO_SUCH_VARIABLE}", "budget=${foo:bar}", "budget=${", "seed=$}"),
    *("strategy._target_=", "strategy._target_=x", "strategy._target_=.x", "strategy._target_=a..b", "+foo=1", "foo=1"),
    *("strategy._target_=os.system", "data._target_=no.such.Thing", "prm=none", "selection=hierarchical", "zzz/yyy=1"),
    *("hydra.run.dir=/dev/null", "hydra=foo", "hydra/launcher=nothing", "hydra.job.name=a/b", "data.name=[/red]x"),
    *("prm.label_tokens=[a,b]", "prm.label_tokens=a", "generator.sampling=hot", "generator.sampling={zzz:1}"),
    *(
        "generator.model=",
        "generator.model=no/such/thing/x",
        "prm.model=nowhere",
        "generator.model=\u202ex",
        "data=jsonl",
    ),
    *("store=sqlite store.path=/dev/full", "store=sqlite store.path=", "store=sqlite store.path=/dev/null/y"),
    *("difficulty.path=", "difficulty.path=/dev/zero", "difficulty.path=nowhere", "difficulty.path=~nobody/x"),
    *(
        "data=jsonl data.path=",
        "data=jsonl data.path=a,b.jsonl",
        "data=jsonl data.path=~nobody/x.jsonl",
        "data.split=x",
    ),
    *(
        "flops=0",
        "flops=-1",
        "flops=nan",
        "flops=1e400",
        "tokens=0",
        "tokens=1.5",
        "budget=4 flops=1e9",
        "flops=1 tokens=1",
    ),
    *(
        "flops_convention=x flops=1e9",
        "budget_table=nowhere",
        "budget_table=/dev/zero",
        "budget_table=",
        "difficulty=learned",
    ),
    *("strategy=compute_optimal", "strategy=compute_optimal strategy.policy=nowhere", "strategy=threshold budget=4"),
    *("strategy=compute_optimal strategy.policy=/dev/zero", "strategy=threshold strategy.parallel_above=2"),
    *("strategy=threshold strategy.beam=threshold", "strategy=threshold strategy.probes=0", "difficulty.samples=0"),
    *("difficulty.thresholds=[1,2]", "difficulty.thresholds=x", "difficulty=predicted difficulty.path=nowhere"),
    *("data=jsonl data.hub=a/b/c/d", "data=jsonl data.hub=some/set", "data=gsm8k data.split=no", "data.limit=0"),
    *(
        "data.start=-1",
        "data.start=1000000",
        "data.shard=0/8",
        "data.shard=3",
        "data.shard=a/b",
        "data.shard=501/999 data.limit=null",
        "data=jsonl data.several_answers=most",
        "data=jsonl data.answer_reading=x",
    ),
    *("data=jsonl data.hub=a/b data.revision=", "data=gpqa data.incorrect_fields=[]", "data=jsonl data.aliases=x"),
    *("grader=maths", "grader=", "grader=choice", "grader=numeric grader.relative=-1", "grader.tolerance=1"),
    *("grader=numeric grader.absolute=nan", "grader=unit_tests grader.memory_mb=1", "grader._target_=os.system"),
    "grader=exact strategy=adaptive_consistency",
    *(
        "tracker=wand",
        "tracker=",
        "tracker=wandb tracker.mode=loud",
        "tracker=mlflow tracker.experiment=",
        "tracker.uri=x",
    ),
    *("tracker._target_=os.system", "tracker=tensorboard tracker.project=x"),
    *("-m budget=", "-m budget=4,abc", "-m strategy=beam,baem", "-m budget=choice(4,abc)", "-m data.limit=1,0"),
)
USAGE = (
    *("run --dry-run --tokens-per-second 0", "run --dry-run --tokens-per-generation x", "run --tokens-per-second 9"),
    *("run --dry-run budget=10", "run -m --dry-run budget=4,x", "run --dry-run --experimental-rerun x"),
    *("", "foo", "--foo", "run --foo", "train foo", "train prm foo=1", "train prm seed=x", "train orm x"),
    *("compare", "compare nowhere", "compare . --reference x", "compare . --foo", "compare --csv", "compare /dev/zero"),
    *(
        "optimal",
        "optimal nowhere",
        "optimal . --menu x",
        "optimal . --split 2",
        "optimal . --format x",
        "optimal . --probes 0",
    ),
    *(
        "difficulty",
        "difficulty nowhere",
        "difficulty . --regression x",
        "difficulty . --samples 0",
        "show",
        "show nowhere",
    ),
    *(
        "allocate",
        "allocate nowhere --total 4",
        "allocate . --total 0",
        "allocate .",
        "scale",
        "scale nowhere --large x",
    ),
    *(
        "scale . --large nowhere --r 0",
        "scale . --large . --formula x",
        "optimal . --policy /dev/full",
        "optimal . --plot a.x",
    ),
    *("grade", "grade nowhere", "grade a b", "grade --out", "grade . --out x/y/z", "grade /dev/full", "grade ''"),
    *("grade . --grader x", "grade nowhere --grader math", "grade nowhere --grader maths", "grade x --grader a.b"),
    *(
        "store foo",
        "store --path nowhere",
        "store --path /dev/zero",
        "store export",
        "store export a b",
        "store --path",
    ),
    *(
        "merge",
        "merge nowhere --out x",
        "merge . --out x",
        "merge .",
        "push",
        "push nowhere --repo a/b",
        "push . --repo",
    ),
    *(
        "store merge",
        "store merge a",
        "store merge a --into b",
        "store merge /dev/zero --into b",
        "store merge . --into .",
    ),
    *("store prune", "store prune --before x", "store prune --path nowhere", "store export /dev/full", "store --foo"),
    *(
        "train generator hydra.run.dir=/dev/null",
        "train reviser samples=1",
        "train generator steps=abc",
        "train prm start=[1",
        "train prm trainable=hed",
        "train prm trainable=head extra_layers=1",
        "train prm labels=nowhere.jsonl",
        "train orm generator=server generator.model=a/b",
        "train orm data=gsm8k",
        "train orm trainable=lora lora.rank=0",
        "train reviser trainable=head",
        "train reviser optimisation.epochs=-1",
    ),
    *("verifier pocket", "verifier nothing --on a.jsonl", "verifier pocket --on nowhere.jsonl"),
    "verifier pocket --on .",
)


def override_templates() -> list[Template]:
    """Return templates of `ttc run` and `ttc train` with bad overrides."""
    return [
        *(lambda rng: _bad_value(rng) for _ in range(60)),
        *fixed([run_case(*override.split()) for override in MALFORMED if override]),
        *fixed([run_case(*flag.split()) for flag in FLAGS]),
        _noise,
    ]


def usage_templates() -> list[Template]:
    """Return templates of commands with bad flags and arguments."""
    return [*fixed([Case(line.split()) for line in USAGE if line]), _special_argument, _special_output]


def _bad_value(rng: random.Random) -> Case:
    """Give a key of the default config, or of a training's, a value of the wrong kind, or a doubtful number."""
    training = rng.random() < 0.15
    (register_training if training else register_run)()
    name = f"train/{rng.choice(['generator', 'prm', 'reviser'])}" if training else "run"
    config = compose(config_loader(str(config_directory())), name, [])
    key, node = rng.choice([(key, node) for key, node in _leaves(config) if type(node) in NUMBERS])
    doubtful = rng.random() < 0.5
    value = rng.choice(NUMBERS[type(node)] if doubtful else WORDS)
    override = f"{rng.choice(['', '', '', '++'])}{key}={value}"
    if training:
        return Case(["train", name.partition("/")[2], override], sure=not doubtful)
    return run_case(override, sure=not doubtful)


def _leaves(config: DictConfig, prefix: str = "") -> Iterator[tuple[str, Node]]:
    for key in config:
        node = config._get_node(key)
        if key == "hydra" or not isinstance(node, Node) or node._is_none() or node._is_missing():
            continue
        if OmegaConf.is_dict(node) and isinstance(node, DictConfig):
            yield from _leaves(node, f"{prefix}{key!s}.")
        else:
            yield f"{prefix}{key!s}", node


def _noise(rng: random.Random) -> Case:
    """An override of random characters."""
    letters = "abz.=,:[]{}()'\"\\$~+@/*#!? \t\u00e9\u202e\x1b\x07-0123"
    return run_case("".join(rng.choices(letters, k=rng.randint(1, 30))))


def _special_argument(rng: random.Random) -> Case:
    path, prepare = special(rng)
    command = rng.choice([["grade"], ["compare"], ["store", "--path"], ["store", "export", "out.parquet", "--path"]])
    return Case([*command, path], prepare)


def _special_output(rng: random.Random) -> Case:
    path, prepare = special(rng)
    rows = file("rows.jsonl", '{"gold": "1", "completion": "\\\\boxed{1}"}\n')

    def both(directory: object) -> None:
        prepare(directory)  # type: ignore[arg-type]
        rows(directory)  # type: ignore[arg-type]

    return Case(["grade", "rows.jsonl", "--out", path or "."], both, sure=path != "dangling")
