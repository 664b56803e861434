"""What the exceptions of OpenAI's client say: the cause at the bottom, and the server's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openai


def root_of(error: BaseException) -> BaseException:
    """Return what an exception was first raised for."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return error


def server_message(error: openai.APIStatusError) -> str:
    """Return what the server said; OpenAI's and vLLM's bodies nest it."""
    body = error.body
    if isinstance(body, dict):
        inner = body.get("error", body)
        found = inner.get("message", inner.get("detail")) if isinstance(inner, dict) else inner
        if found:
            return str(found)
    return error.response.reason_phrase or "no reason given"
