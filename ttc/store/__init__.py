"""The SQLite store of replies and results, and what `ttc store` does with it."""
