"""scripts/tools/gguf_to_safetensors.py, on a tiny Qwen2 with an untied head that is split in two parts."""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from tools import load_tool
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

HIDDEN, FEED_FORWARD, HEADS = 32, 64, 2
TOKENS = ["<|endoftext|>", "<|im_end|>", "ab", *"abcdefghij"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a one-layer Qwen2 in Q8_0 with random weights."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(64)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3] + [1] * (len(TOKENS) - 2))
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(0)
    writer.add_chat_template("{{ messages[0].content }}<|im_end|>")
    random = np.random.default_rng(0)
    shapes = {"token_embd": (len(TOKENS), HIDDEN), "output": (len(TOKENS), HIDDEN)}
    shapes |= {f"blk.0.attn_{part}": (HIDDEN, HIDDEN) for part in ("q", "k", "v", "output")}
    shapes |= {f"blk.0.ffn_{part}": (FEED_FORWARD, HIDDEN) for part in ("gate", "up")}
    shapes |= {"blk.0.ffn_down": (HIDDEN, FEED_FORWARD)}
    for name, shape in shapes.items():
        weights = gguf.quantize(random.standard_normal(shape, np.float32), gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor(f"{name}.weight", weights, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    for name in ("output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"):
        writer.add_tensor(name, np.ones(HIDDEN, np.float32))
    for part in "qkv":
        writer.add_tensor(f"blk.0.attn_{part}.bias", np.zeros(HIDDEN, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def convert(*arguments: Path | str) -> tuple[int, str]:
    import typer

    app = typer.Typer()
    app.command()(load_tool("gguf_to_safetensors").main)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, f"{result.output}{result.exception!r}"


def test_a_checkpoint_in_parts_becomes_a_safetensors_directory(checkpoint: Path, tmp_path: Path) -> None:
    content = checkpoint.read_bytes()
    parts = [tmp_path / "part1.bin", tmp_path / "part2.bin"]
    parts[0].write_bytes(content[:1000])
    parts[1].write_bytes(content[1000:])
    directory = tmp_path / "plain"
    status, output = convert(*parts, directory)
    assert status == 0, output

    config = json.loads((directory / "config.json").read_text())
    assert "quantization_config" not in config
    assert config["tie_word_embeddings"] is False
    assert json.loads((directory / "generation_config.json").read_text())["eos_token_id"] == [0, 1]
    assert AutoTokenizer.from_pretrained(directory).chat_template.endswith("<|im_end|>")
    assert not list(directory.glob("tmp*"))

    model = AutoModelForCausalLM.from_pretrained(directory)
    written = gguf.GGUFReader(checkpoint).tensors
    weights = {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in written}
    for name, parameter in (("token_embd", model.model.embed_tokens), ("output", model.lm_head)):
        assert parameter.weight.dtype == torch.bfloat16
        expected = torch.tensor(weights[f"{name}.weight"]).bfloat16()
        assert torch.equal(parameter.weight, expected)


def test_parts_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    (tmp_path / "part2.bin").write_bytes(b"not the beginning")
    status, output = convert(tmp_path / "part2.bin", tmp_path / "plain")
    assert status == 2
    assert "does not start with the GGUF magic bytes; give the parts in order" in " ".join(
        output.replace("│", " ").split()
    )


def test_parts_as_the_shell_sorts_them_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    content = checkpoint.read_bytes()
    parts = {number: tmp_path / f"part{number}.bin" for number in (1, 10, 2)}
    for number, part in parts.items():
        part.write_bytes(content[:1000] if number == 1 else content[1000:])
    code, output = convert(*parts.values(), tmp_path / "out")
    assert code == 2 and not (tmp_path / "out").exists()
    assert "part10.bin stands before" in " ".join(output.replace("│", " ").split()).replace("- ", "-")
