"""The frame of one panel: a title, a line that says what is shown and how old it is, and a body of fixed height.

Four states, the same everywhere: loading (a skeleton of the final height), figures, empty (says so, and what to do),
and failed (one sentence; the last figures stay). The line under the title is always there, so that nothing moves when
a sentence appears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

import streamlit as st

from dashboard.answers import Answer
from dashboard.formats import clock

__all__ = ["CARD_HEIGHT", "body", "card", "every", "failure_text"]

T = TypeVar("T")
CARD_HEIGHT = 310


@contextmanager
def card(title: str, help_text: str, key: str, height: int | Literal["content"] = CARD_HEIGHT) -> Iterator[None]:
    """A bordered card of fixed height with its title; the refreshing part goes inside."""
    with st.container(border=True, height=height, key=key, gap="xxsmall"):
        st.markdown(f"**{title}**", help=help_text)
        yield


def every(seconds: float | None, key: str, draw: Callable[[], None]) -> None:
    """Draw now and again every `seconds` (None: only when the page runs), without running the rest of the page."""
    st.fragment(draw, run_every=seconds, key=key)()


def body(
    ask: Callable[[], Answer[T]],
    height: int,
    draw: Callable[[T], None],
    *,
    note: Callable[[T], str],
    empty: Callable[[T], str | None] = lambda _: None,
) -> None:
    """Ask, then draw whichever state the answer is in.

    Args:
        ask: the question; a skeleton shows while it takes long.
        height: of the body in pixels, the same in every state.
        draw: draws the figures.
        note: the line under the title while all is well.
        empty: a sentence when the answer holds nothing to draw, else None.
    """
    figures = st.container(gap="xsmall")
    # Below the figures: what is left of a skeleton takes a line's height, and above them it would push them down.
    with st.skeleton(height=height):
        answer = ask()
    with figures:
        if answer.failure or answer.value is None:
            st.caption(f":red[:material/cloud_off: {failure_text(answer)}]")
        else:
            st.caption(note(answer.value))
        sentence = "" if answer.value is None else empty(answer.value)
        if answer.value is not None and sentence is None:
            draw(answer.value)
            return
        with st.container(height=height, border=False, horizontal_alignment="center", vertical_alignment="center"):
            st.markdown(f":gray[{sentence}]", text_alignment="center")


def failure_text(answer: Answer[T]) -> str:
    """What is wrong, which figures are still on screen, and that the page goes on trying."""
    last = f"last figures {clock(answer.at)} UTC" if answer.at else "no figures yet"
    return f"{answer.failure} · {last} · retrying"
