"""The browser's Back: a link from page to page is one step, however many filters it changes.

Streamlit 1.67 makes an entry of the browser's history for every parameter that a run changes, and following a link
changes several. Back then led to addresses between here and there, that the reader never saw. So all changes of the
address after a link and before the reader's next key or press replaces the entry instead of adding one.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st

# The page and its parameters arrive in either order: the first entry after the click stays, the others replace it.
_ONE_STEP = """
if (!window.ecomLinksAreOneStep) {
  window.ecomLinksAreOneStep = true;
  const push = history.pushState;
  let step = 'none';
  history.pushState = (...entry) => {
    if (step === 'made') return history.replaceState(...entry);
    if (step === 'begun') step = 'made';
    return push.apply(history, entry);
  };
  const end = () => { step = 'none'; };
  for (const event of ['pointerdown', 'keydown', 'popstate']) window.addEventListener(event, end, true);
  const begin = ({ target }) => { if (target.closest?.('a[href*="LINKED="]')) step = 'begun'; };
  window.addEventListener('click', begin, true);
}
export default () => {};
"""


def make_links_one_step(parameter: str) -> None:
    """Let each link that says in `parameter` what is to be chosen be one step; nothing of it is visible."""
    _one_step(parameter)(key="one-step-back")


@cache
def _one_step(parameter: str) -> Any:
    return st.components.v2.component("ecom_one_step", js=_ONE_STEP.replace("LINKED", parameter))
