"""The leaf that every package of ours may import: errors, files, decoding, jobs, places, result models."""
