"""Models on remote servers that speak OpenAI's protocol: vLLM's own, and others as far as they can."""
