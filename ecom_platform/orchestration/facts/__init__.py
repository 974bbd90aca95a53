"""The facts: what the stream writes, brought up to date by hand, and held against the accounting equations."""
