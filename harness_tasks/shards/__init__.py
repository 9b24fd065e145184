"""Scoring a task in parts, by `aftertune score --shard K/N`, and joining them, by `merge-shards`."""
