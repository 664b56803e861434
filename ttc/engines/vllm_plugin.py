"""Tells vLLM about the heads in `ttc.engines.vllm_heads`, in this process and in those that vLLM starts.

vLLM calls `register` in each of its processes, as the entry point `vllm.general_plugins` announces it; so
`vllm serve` reads these verifiers too.
"""

from __future__ import annotations

SKYWORK = "Qwen2ForPrmModel"  # what Skywork's config.json calls a value head on Qwen2
VALUE_HEAD = "WithValueHead"
TWO_LAYER_HEAD = "Qwen2WithTwoLayerHead"
TRUNKS = ("Llama", "Mistral", "Qwen2", "Qwen3")  # with a class in vllm_heads that adds a value head

CLASSES = {
    SKYWORK: f"Qwen2{VALUE_HEAD}",
    TWO_LAYER_HEAD: TWO_LAYER_HEAD,
    **{f"{trunk}{VALUE_HEAD}": f"{trunk}{VALUE_HEAD}" for trunk in TRUNKS},
}
"""Architecture in config.json or `hf_overrides` -> class in `ttc.engines.vllm_heads`."""


def register() -> None:
    """Register the classes by name: vLLM imports one when a checkpoint needs it."""
    from vllm import ModelRegistry

    for architecture, name in CLASSES.items():
        ModelRegistry.register_model(architecture, f"ttc.engines.vllm_heads:{name}")
