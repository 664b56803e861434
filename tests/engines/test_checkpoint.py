"""A checkpoint that cannot work is refused on one line, before anything loads."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from checkpoints import copied, save_tensors, set_json, tensors_of
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ttc.engines.checkpoint import POCKET_WEIGHTS, resolve
from ttc.engines.generator import VllmGenerator
from ttc.engines.hub import check_available
from ttc.engines.verifier import VllmVerifier
from ttc.errors import UserError

LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1743024\n"
HTML = "<!DOCTYPE html><html><body>Sign in</body></html>"


def write(name: str, content: str) -> Callable[[Path], object]:
    return lambda directory: (directory / name).write_text(content)


def configure(**values: object) -> Callable[[Path], object]:
    return lambda directory: set_json(directory / "config.json", **values)


def remove(*names: str) -> Callable[[Path], object]:
    def unlink(directory: Path) -> None:
        for name in names:
            (directory / name).unlink()

    return unlink


def truncate(name: str, size: int) -> Callable[[Path], object]:
    return lambda directory: os.truncate(directory / name, size)


def name_missing_shards(directory: Path) -> None:
    (directory / "model.safetensors").rename(directory / "model-00001-of-00002.safetensors")
    weight_map = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def pickle_code(directory: Path) -> None:
    (directory / "model.safetensors").unlink()
    (directory / "pytorch_model.bin").write_bytes(pickle.dumps(os.system))


def save_other_tokenizer(directory: Path) -> None:
    content = json.loads((directory / "tokenizer.json").read_text())
    vocabulary = content["model"]["vocab"]
    vocabulary |= {f"more{i}": len(vocabulary) + i for i in range(100)}
    (directory / "tokenizer.json").write_text(json.dumps(content))


def save_as_verifier(directory: Path) -> None:
    set_json(directory / "config.json", architectures=["LlamaForSequenceClassification"])


def drop_tensors(prefix: str) -> Callable[[Path], object]:
    def drop(directory: Path) -> None:
        tensors = tensors_of(directory)
        save_tensors(directory, {name: value for name, value in tensors.items() if not name.startswith(prefix)})

    return drop


BROKEN = {
    "no config": (remove("config.json"), "without config.json"),
    "broken config": (write("config.json", '{"model_type": "lla'), "config.json is not valid JSON"),
    "config that is a list": (write("config.json", "[1]"), "config.json holds a list, not an object"),
    "config nested too deeply": (write("config.json", "[" * 100_000), "config.json is not valid JSON"),
    "object without keys": (write("config.json", "{}"), "config.json names no model_type"),
    "config of no bytes": (write("config.json", ""), "config.json is empty"),
    "config in another encoding": (lambda d: (d / "config.json").write_bytes(b'{"a": "\xff"}'), "not valid JSON"),
    "no architectures": (configure(architectures=None), "names no architectures"),
    "unknown model type": (configure(model_type="nonesuch"), "model type `nonesuch`"),
    "code of its own": (
        configure(model_type="nonesuch", auto_map={"AutoConfig": "configuration_nonesuch.NonesuchConfig"}),
        r"with \+generator.engine_args.trust_remote_code=true, or",
    ),
    "unknown dtype": (configure(dtype="float99"), "no attribute 'float99'"),
    "size that is text": (configure(hidden_size="many"), "expected int, got str"),
    "unknown quantisation": (configure(quantization_config={"quant_method": "nonesuch"}), "quantization method"),
    "another hidden size": (configure(hidden_size=256), "says hidden_size=256, but .* has 128"),
    "another vocabulary size": (configure(vocab_size=500), "says vocab_size=500, but .* has 512"),
    "more layers than weights": (configure(num_hidden_layers=9), "num_hidden_layers=9, but the weights hold 4 layers"),
    "another width inside": (configure(intermediate_size=300), "gate_proj.weight in the weights is 352×128, but"),
    "other attention heads": (configure(num_key_value_heads=2), "k_proj.weight in the weights is 128×128, but"),
    "a tensor missing in one layer": (drop_tensors("model.layers.2.mlp.down"), "hold no model.layers.2.mlp.down_proj"),
    "no output head": (configure(tie_word_embeddings=False), "hold no lm_head.weight"),
    "no tokenizer": (remove("tokenizer.json", "tokenizer_config.json"), "has no tokenizer that transformers can read"),
    "broken tokenizer": (write("tokenizer.json", '{"model":'), "has no tokenizer that transformers can read"),
    "tokenizer without a vocabulary": (write("tokenizer.json", "{}"), "has no tokenizer that transformers can read"),
    "broken tokenizer config": (write("tokenizer_config.json", "[]"), "tokenizer_config.json holds a list"),
    "broken generation config": (write("generation_config.json", "{"), "generation_config.json is not valid JSON"),
    "tokenizer of another model": (save_other_tokenizer, "612 tokens and its embedding 512 rows"),
    "no weights": (remove("model.safetensors"), "holds no weights"),
    "truncated weights": (truncate("model.safetensors", 1_000_000), "is not a whole file of weights"),
    "truncated header": (truncate("model.safetensors", 100), "is not a whole file of weights"),
    "weights of no bytes": (truncate("model.safetensors", 0), "model.safetensors is empty"),
    "an HTML page as weights": (write("model.safetensors", HTML), "is an HTML page"),
    "a git-lfs pointer as weights": (write("model.safetensors", LFS_POINTER), "run `git lfs pull`"),
    "a git-lfs pointer as config": (write("config.json", LFS_POINTER), "run `git lfs pull`"),
    "missing shards": (name_missing_shards, "model-00002-of-00002.safetensors, which is missing"),
    "index without files": (write("model.safetensors.index.json", "{}"), "has no weight_map"),
    "pickled code": (pickle_code, "convert the weights to safetensors"),
    "a verifier as generator": (save_as_verifier, "is a verifier and generates no text; name it as prm.model"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_checkpoint_is_refused_on_one_line_that_names_it(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damage, reason = BROKEN[kind]
    directory = copied("generator", tmp_path / "model")
    damage(directory)
    with pytest.raises(UserError, match=reason) as caught:
        VllmGenerator(model=str(directory)).check()
    message = str(caught.value)
    assert message.startswith(f"generator.model={directory}")
    assert message.endswith(".") and ";" in message and "\n" not in message and len(message) < 700
    assert capfd.readouterr() == ("", "")


JSON_VALUES: st.SearchStrategy[object] = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 600), st.text(max_size=4), st.just([]), st.just({"a": [1]})
)
CONFIG_KEYS = ["text_config", "num_labels", *json.loads((POCKET_WEIGHTS / "prm" / "config.json").read_text())]
CONFIG_KEYS.remove("model_type")  # for an unknown one vLLM is asked, which tries for seconds


@settings(derandomize=True, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.dictionaries(st.sampled_from(CONFIG_KEYS), JSON_VALUES, min_size=1, max_size=3))
def test_whatever_a_config_says_it_is_accepted_or_refused_on_one_line(
    values: dict[str, object], tmp_path: Path
) -> None:
    directory = tmp_path / "prm"
    if not directory.exists():
        copied("prm", directory)
    config = json.loads((POCKET_WEIGHTS / "prm" / "config.json").read_text()) | values
    (directory / "config.json").write_text(json.dumps(config))
    with contextlib.suppress(UserError):
        VllmVerifier(model=str(directory)).check()


def test_a_whole_copy_is_accepted_wherever_it_is(tmp_path: Path) -> None:
    VllmGenerator(model=str(copied("generator", tmp_path / "generator"))).check()
    VllmVerifier(model=str(copied("prm", tmp_path / "prm"))).check()


def test_a_repaired_checkpoint_is_accepted_in_the_same_process(tmp_path: Path) -> None:
    directory = copied("generator", tmp_path / "model")
    original = (directory / "config.json").read_text()
    (directory / "config.json").write_text("[]")
    with pytest.raises(UserError):
        VllmGenerator(model=str(directory)).check()
    (directory / "config.json").write_text(original)
    VllmGenerator(model=str(directory)).check()


def test_pickled_tensors_alone_are_accepted(tmp_path: Path) -> None:
    import torch

    directory = copied("generator", tmp_path / "model")
    torch.save(tensors_of(directory), directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()
    VllmGenerator(model=str(directory)).check()


def test_sharded_weights_are_read_together(tmp_path: Path) -> None:
    directory = copied("generator", tmp_path / "model")
    tensors = tensors_of(directory)
    (directory / "model.safetensors").unlink()
    names = sorted(tensors)
    shards = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    from safetensors.torch import save_file

    for shard, held in shards.items():
        save_file({name: tensors[name] for name in held}, directory / shard)
    weight_map = {name: shard for shard, held in shards.items() for name in held}
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    VllmGenerator(model=str(directory)).check()
    set_json(directory / "config.json", hidden_size=64)
    with pytest.raises(UserError, match="says hidden_size=64"):
        VllmGenerator(model=str(directory)).check()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_directory_without_permission_is_refused(tmp_path: Path) -> None:
    directory = copied("generator", tmp_path / "model")
    directory.chmod(0)
    try:
        with pytest.raises(UserError, match=r"cannot be read \(Permission denied\); check"):
            VllmGenerator(model=str(directory)).check()
    finally:
        directory.chmod(0o755)


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    directory = copied("generator", tmp_path / "model")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UserError, match=r"config\.json cannot be read \(Permission denied\); check its permissions"):
        VllmGenerator(model=str(directory)).check()


@pytest.mark.parametrize(
    "model", ["../nonesuch", "~nonesuch/model", "a" * 5000, "owner/na\0me", "a/b/c", "owner/name.git", "-/-", "x"]
)
def test_a_name_that_can_be_nothing_is_refused(model: str) -> None:
    with pytest.raises(UserError, match="check the path"):
        resolve(model, "generator")


def test_a_hub_id_that_was_never_downloaded_is_refused_where_nothing_may_be() -> None:
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set, and it is not in the local cache; name a directory"):
        VllmGenerator(model="nobody/nothing", revision="v2").check()


def hub_error(status: int) -> HfHubHTTPError:
    error: HfHubHTTPError = HfHubHTTPError.__new__(HfHubHTTPError)
    error.response = SimpleNamespace(status_code=status)  # type: ignore[assignment]
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            ConnectionError("Name or service not known"),
            r"cannot be reached \(Name or service not known\), and it is not",
        ),
        (hub_error(404), "has no such model, or it is private; check the name"),
        (TimeoutError(), None),
        (hub_error(503), None),
    ],
)
def test_the_hub_is_asked_once_and_left_to_vllm_where_it_is_only_slow(
    error: Exception, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(HfApi, "model_info", fail)
    check_available.cache_clear()
    with pytest.raises(UserError, match=reason) if reason else contextlib.nullcontext():
        VllmGenerator(model="nobody/nothing").check()
    check_available.cache_clear()
