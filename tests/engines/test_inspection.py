"""What a checkpoint's config.json says about its context."""

from __future__ import annotations

from pathlib import Path

import pytest

from ttc.engines.inspection import Checkpoint


@pytest.mark.parametrize(
    ("config", "longest"),
    [
        ({"max_position_embeddings": 512}, 512),
        ({"max_position_embeddings": 64, "text_config": {"max_position_embeddings": 512}}, 512),
        ({"max_position_embeddings": 512, "rope_parameters": {"rope_theta": 1e4, "rope_type": "default"}}, 512),
        ({"max_position_embeddings": 512, "rope_scaling": None}, 512),
        ({"max_position_embeddings": 512, "rope_scaling": {"factor": 4.0, "rope_type": "yarn"}}, None),
        ({"max_position_embeddings": 512, "rope_parameters": {"full_attention": {"factor": 8.0}}}, None),
        ({"max_position_embeddings": 512, "model_max_length": 2048}, None),
        ({"max_position_embeddings": "512"}, None),
        ({}, None),
    ],
)
def test_the_longest_context_is_known_only_where_config_json_says_it_plainly(
    config: dict[str, object], longest: int | None
) -> None:
    assert Checkpoint("prm.model=x", Path("x"), config, {}).longest_context == longest
