"""Scoring a task in parts, by `run --shard K/N`, and joining them, by `merge-shards`."""
