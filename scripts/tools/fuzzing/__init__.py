"""Bad inputs, hostile completions, and the processes that try them; see scripts/tools/fuzz.py."""
