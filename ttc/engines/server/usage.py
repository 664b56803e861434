"""What a server says that a request cost."""

from __future__ import annotations

from ttc.engines.server.client import Json


def usage_of(content: Json) -> Json:
    """Return the reply's `usage`; empty where there is none."""
    return content.get("usage") or {}


def cached_tokens(usage: Json) -> int:
    """Return how many tokens of the prompt the prefix cache served; 0 where the server does not say."""
    return int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
