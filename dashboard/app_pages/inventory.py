"""Inventory: what runs out?"""

from __future__ import annotations

from dashboard import frame, inventory

frame.page("inventory", inventory.draw)
