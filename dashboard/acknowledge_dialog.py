"""Acknowledging an alert: a dialog that asks for a name, and the one thing that the dashboard writes.

The dialog is opened by a run of the whole page and stands beside the part that refreshes by itself, so that a refresh
neither closes it nor touches what is being typed.
"""

from __future__ import annotations

import streamlit as st

from dashboard import alert_words as words
from dashboard import formats
from dashboard.view import answers, names
from ecom_platform import alerts
from ecom_platform.alerts import Acknowledgement, Alert
from ecom_platform.errors import EcomError, UnavailableError

_AWAY = "MongoDB does not answer. If it was recorded after all, the list will show it; else try again."


def button(alert: Alert) -> None:
    """The button that opens the dialog."""
    if st.button(
        "Acknowledge", icon=":material/done:", key=f"acknowledge-{alert.id}", help="Say that you have seen it"
    ):
        st.session_state["acknowledging"] = alert
        st.rerun()


def said_to(alert: Alert) -> Acknowledgement | None:
    """Who acknowledged it; what this reader was just told counts before the next figures say it, too."""
    told: dict[str, Acknowledgement] = st.session_state.get("acknowledged", {})
    return alert.acknowledgement or told.get(alert.id)


def draw() -> None:
    """Draw the dialog while an alert is being acknowledged, and what came of it afterwards."""
    if told := st.session_state.pop("acknowledged-told", None):
        st.toast(told, icon=":material/done:", duration="long")
    alert: Alert | None = st.session_state.get("acknowledging")
    if alert is not None:
        _draw_dialog(alert)


def _close() -> None:
    st.session_state["acknowledging"] = None


@st.dialog("Acknowledge", icon=":material/done:", on_dismiss=_close)
def _draw_dialog(alert: Alert) -> None:
    st.markdown(f"{words.severity(alert)} **{words.plain(words.subject(alert, names()))}**")
    with st.form("acknowledge", border=False):
        # A name is asked for once; a widget's own state would be gone with the dialog.
        by = st.text_input("Your name", value=st.session_state.get("reader", ""), max_chars=60)
        note = st.text_input("Note (optional)", max_chars=200, placeholder="What is being done about it")
        sent = st.form_submit_button("Acknowledge", type="primary")
    st.caption("Everybody sees it. The first acknowledgement stays; the alert closes by itself when all is good again.")
    if sent:
        _acknowledge(alert, by.strip(), note.strip())


def _acknowledge(alert: Alert, by: str, note: str) -> None:
    if not by:
        st.markdown(":red[:material/error: Say who you are: the others want to know whom to ask.]")
        return
    st.session_state["reader"] = by
    try:
        said = answers().change("acknowledging an alert", lambda db: alerts.acknowledge(db, alert.id, by, note))
    except EcomError as error:
        sentence = _AWAY if isinstance(error, UnavailableError) else str(error)
        st.markdown(f":red[:material/error: {words.plain(sentence)}]")
        return
    st.session_state["acknowledged"] = {**st.session_state.get("acknowledged", {}), alert.id: said}
    st.session_state["acknowledged-told"] = _told(said, by, note)  # a toast of this run would not outlive it
    _close()
    st.rerun()


def _told(said: Acknowledgement, by: str, note: str) -> str:
    if (said.by, said.note) == (by, note):
        return "Acknowledged"
    return f"{words.plain(said.by)} had acknowledged it already, at {formats.minute(said.at)} UTC; that stays"
