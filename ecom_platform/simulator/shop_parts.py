"""The parts of the shop of one home, how they are saved, and how a killed simulator takes up where it was.

The live part sells now; each part of the backlog writes a stretch of the past from shelves and order numbers of its
own. When its past is written, a part is merged into the live one.
"""

from __future__ import annotations

import time
from itertools import islice

from ecom_platform.errors import UsageError
from ecom_platform.simulator.config import MINUTE_MS, ShopConfig
from ecom_platform.simulator.dimensions import DEFAULT_SEED, Dimensions
from ecom_platform.simulator.emission import Emission
from ecom_platform.simulator.history import newest_stretch
from ecom_platform.simulator.ledger import acked_since
from ecom_platform.simulator.producer import LedgerProducer
from ecom_platform.simulator.shop import Shop
from ecom_platform.simulator.state import BacklogState, HomeState, StateStore

FIRST_SUBSTREAM = 1
"""Stream of customers of a fresh home's shop; each later part has one of its own."""

_FOREVER_MS = 2**61
# Of the shelves that are still the past's: 15 % of all for the newest hours (which need about 9 %), 25 % for live ones.
_NEWEST_SHARE = 0.15
_LIVE_SHARE = 0.25 / (1 - _NEWEST_SHARE)


def seed_of(state: HomeState | None, seed: int | None) -> int:
    """Return the seed of a home: the stored one, the wanted one, or the default.

    Raises:
        UsageError: another seed is wanted than the one the home's shop was made with.
    """
    if state is None:
        return DEFAULT_SEED if seed is None else seed
    if seed not in (None, state.seed):
        raise UsageError(
            f"The shop of this home was made with seed {state.seed}, not {seed}; nothing was started. Leave the seed "
            "out, set ECOM_HOME to another folder, or run `ecom reset --yes`."
        )
    return state.seed


class Backlog:
    """A part that writes the past, up to `end_minute`."""

    def __init__(self, shop: Shop, start_minute: int, end_minute: int) -> None:
        self.shop = shop
        self.start_minute = start_minute
        self.end_minute = end_minute

    @property
    def share(self) -> float:
        """How much of the stretch is written, 0 to 1."""
        length_ms = max(1, (self.end_minute - self.start_minute) * MINUTE_MS)
        return min(1.0, max(0.0, (self.shop.clock_ms - self.start_minute * MINUTE_MS) / length_ms))


class ShopParts:
    """All parts of one home, with the producer they send through and the store they are saved in."""

    def __init__(
        self, store: StateStore, producer: LedgerProducer, live: Shop, backlog: list[Backlog], next_substream: int
    ) -> None:
        self._store = store
        self._producer = producer
        self.live = live
        self.backlog = backlog
        self._next_substream = next_substream
        self._journal = 0
        self._saved_at = 0.0

    @classmethod
    def open(
        cls, store: StateStore, producer: LedgerProducer, dimensions: Dimensions, config: ShopConfig, start_ms: int
    ) -> ShopParts:
        """Open the shop of a fresh home."""
        parts = cls(
            store, producer, Shop.open(dimensions, config, start_ms, FIRST_SUBSTREAM, 1), [], FIRST_SUBSTREAM + 1
        )
        parts.save()
        return parts

    @classmethod
    def resume(cls, store: StateStore, producer: LedgerProducer, dimensions: Dimensions, state: HomeState) -> ShopParts:
        """Take the shop up where it was, sending again all that may not have arrived."""
        live = Shop(dimensions, state.live)
        backlog = [Backlog(Shop(dimensions, one.shop), one.start_minute, one.end_minute) for one in state.backlog]
        backlog.sort(key=lambda one: -one.end_minute)
        parts = cls(store, producer, live, backlog, state.next_substream)
        parts._journal = state.journal
        arrived = acked_since(producer.ledger.file.parent, state.ledger)
        parts._send_again(store.sent_since(state), arrived)
        parts.save()
        return parts

    def new_substream(self) -> int:
        """Return a number no other part of this home has or will have."""
        self._next_substream += 1
        return self._next_substream - 1

    def send(self, shop: Shop, batch: list[Emission]) -> None:
        """Note in the journal, then in the ledger, then send."""
        if batch:
            self._store.note(shop.substream, len(batch))
            self._producer.send(batch)

    def split_off_past(self, dimensions: Dimensions, now_minute: int) -> None:
        """Let the present live part write the past up to `now_minute`, and open a new live part beside it.

        The newest hours are a part of their own, which is written first. How many orders a part will have is known
        beforehand, so the numbers of the next one start after it.
        """
        past, start_minute = self.live, self.live.clock_ms // MINUTE_MS
        middle = newest_stretch(start_minute, now_minute)
        past.tell_ahead(now_minute * MINUTE_MS)
        stretches = [Backlog(past, start_minute, middle or now_minute)]
        if middle:
            newest = self._open_beside(dimensions, past, middle, _NEWEST_SHARE)
            newest.tell_ahead(now_minute * MINUTE_MS)
            stretches.insert(0, Backlog(newest, middle, now_minute))
        self.live = self._open_beside(dimensions, stretches[0].shop, now_minute, _LIVE_SHARE, past)
        self.backlog = [*stretches, *self.backlog]
        self.save()

    def _open_beside(
        self, dimensions: Dimensions, before: Shop, minute: int, share: float, shelves_of: Shop | None = None
    ) -> Shop:
        """Open a part that begins at `minute`, where `before` ends, with a share of the shelves of `shelves_of`."""
        first_id = before.first_id_after(minute)
        shop = Shop.open(dimensions, before.config, minute * MINUTE_MS, self.new_substream(), first_id)
        shop.state.shelves = (shelves_of or before).shelves.split(share)
        return shop

    def merge_first(self) -> None:
        """Merge the first part of the backlog, whose past is written, into the live part; saved before going on."""
        self.live.merge(self.backlog.pop(0).shop)
        self.save()

    def save(self) -> None:
        """Take a snapshot. Only right when Kafka has answered for everything that was sent."""
        backlog = [BacklogState(one.shop.state, one.start_minute, one.end_minute) for one in self.backlog]
        position = self._producer.ledger.position
        state = HomeState(
            self.live.config.seed, self.live.state, position, backlog, self._next_substream, self._journal
        )
        self._store.save(state)
        self._journal = state.journal
        self._saved_at = time.monotonic()

    def save_when_settled(self, seconds: float) -> bool:
        """Take a snapshot if Kafka answers for everything within `seconds`; else the journal stays in force."""
        settled = self._producer.drain(seconds)
        if settled:
            self.save()
        return settled

    def seconds_since_save(self) -> float:
        """Age of the last snapshot."""
        return time.monotonic() - self._saved_at

    def _send_again(self, sent: list[tuple[int, int]], arrived: set[int]) -> None:
        """Live through what happened after the snapshot; what the ledger does not know to be in Kafka is sent."""
        shops = {shop.substream: shop for shop in (self.live, *(one.shop for one in self.backlog))}
        number = 0
        for substream, messages in sent:
            again = list(islice(shops[substream].advance(_FOREVER_MS), messages))
            self._producer.send([one for n, one in enumerate(again, number) if n not in arrived], resent=True)
            number += messages
        while not self._producer.drain(1.0):
            pass
