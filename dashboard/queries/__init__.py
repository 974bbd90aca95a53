"""What the screens ask MongoDB: plain functions from a database to plain figures, each one indexed query.

Nothing in here knows Streamlit. Every filter is a range over `_id` of a rollup (the bucket comes first in it) or an
index on `orders`, so the work grows with the range on screen and never with the number of orders.
"""
