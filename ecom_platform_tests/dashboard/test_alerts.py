"""Alerts: in words, on their page and on the Overview, in a real browser over a real MongoDB."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dashboard import alert_words as words
from dashboard.attention import good_or_unwatched
from dashboard.queries.alerts import Attention, attention, past
from dashboard.queries.names import Names
from ecom_platform import alerts
from ecom_platform.alerts import Rule, evaluate_now
from ecom_platform.store import collections
from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.alert_rows import close_alert, evaluated, id_of, raise_alert
from ecom_platform_tests.dashboard.browser import opened
from ecom_platform_tests.dashboard.shop import NOW

MINUTE = timedelta(minutes=1)
NAMES = Names({3: "Lyon Warehouse"}, {5: "Ann Smith"}, {12: "Jones Lamp"})


def ago(minutes):
    """An instant of this test's own present."""
    return datetime.now(UTC) - minutes * MINUTE


def when(instant):
    """The time of day, with the day when that was yesterday."""
    return f"{instant:%H:%M}" if instant.date() == datetime.now(UTC).date() else f"{instant:%d %b %H:%M}"


def open_card(found, watch):
    """The frame of one open alert."""
    return found.page.locator(f".st-key-alert-{re.sub('[^a-zA-Z0-9_-]', '-', id_of(watch).strip())}")


def appears(found, watch):
    """The page has drawn an alert, so it was refreshed."""
    expect(open_card(found, watch)).to_be_attached()


@pytest.mark.parametrize(
    ("named", "full", "short"),
    [
        ("shop", "whole shop", "whole shop"),
        ("courier:5", "courier 5 Ann Smith", "courier 5 Ann Smith"),
        ("courier:6", "courier 6", "courier 6"),
        ("product:12", "product 12 Jones Lamp", "product 12 Jones Lamp"),
        (
            "warehouse:3/product:12",
            "product 12 Jones Lamp in warehouse 3 Lyon Warehouse",
            "product 12 Jones Lamp, warehouse 3",
        ),
    ],
)
def test_an_alert_says_whom_it_is_about_in_words(named, full, short):
    """Names where they are known, numbers always: the filters go by them."""
    assert words.entity(named, NAMES) == full
    assert words.entity(named, NAMES, short=True) == short


@pytest.mark.parametrize(
    ("rule", "entity", "value", "usual", "expected"),
    [
        (Rule.ORDERS_LOW, "shop", 4.0, 18.34, "4.0/min, usually 18.3/min"),
        (Rule.ORDERS_HIGH, "shop", 1042.0, 18.34, "1,042.0/min, usually 18.3/min"),
        (Rule.ORDER_VALUE_LOW, "shop", 6405, 123456, "$64.05 per order, usually $1,234.56"),
        (Rule.LATE_SHARE, "courier:5", 0.452, 0.12, "45.2 % late, usually 12.0 %"),
        (Rule.LATE_SHARE, "courier:5", 0.452, 0.4, "45.2 % late, limit 40.0 %"),
        (Rule.LATE_SHARE, "shop", 0.3, 0.25, "30.0 % late, limit 25.0 %"),
        (Rule.STOCK_OUT, "product:1", 2 / 3, 0.5, "66.7 % of its warehouses empty, limit 50.0 %"),
        (Rule.MANY_SOLD_OUT, "shop", 14, 10, "14 products, limit 10"),
        (Rule.OVERSOLD, "warehouse:3/product:12", 1200, 0, "1,200 units short"),
        (Rule.STALE_DATA, "shop", 95.4, 60, "95 s old, limit 60 s"),
        (Rule.STALE_DATA, "shop", 430.0, 60, "7 m old, limit 60 s"),
        (Rule.DEAD_LETTERS, "shop", 0.034, 0.01, "3.4 % of the messages, limit 1.0 %"),
        (Rule.DEAD_LETTERS, "shop", 0.034, None, "3.4 % of the messages"),
    ],
)
def test_a_figure_has_its_unit_and_what_it_is_held_against(shop_db, rule, entity, value, usual, expected):
    """The usual figure where one is known, else the limit; as the evaluator stored it."""
    raise_alert(shop_db, rule, entity, NOW, value, usual)
    (alert,) = alerts.open_alerts(shop_db)

    assert words.figure(alert, "USD") == expected


@pytest.mark.parametrize(
    ("began", "expected"),
    [(42 * MINUTE, "since 14:05 (42 m)"), (20 * 60 * MINUTE, "since 22 Nov 18:47 (20 h 0 m)")],
)
def test_since_when_says_how_long_ago_that_is(shop_db, began, expected):
    """With the day where that is not today."""
    raise_alert(shop_db, Rule.LATE_SHARE, "courier:5", NOW - began, 0.5, 0.1)
    (alert,) = alerts.open_alerts(shop_db)

    assert words.since(alert, NOW) == expected


def test_every_rule_has_words_for_its_figure():
    """A new rule is not forgotten here."""
    missing = set(Rule) - set(words._FIGURES)
    assert not missing, f"_FIGURES in dashboard/alert_words.py has no {missing}"


@pytest.mark.parametrize(
    ("age", "is_watched", "sentence"),
    [
        (timedelta(seconds=119), True, None),
        (timedelta(seconds=120), False, "The rules have not been evaluated since 14:45 UTC"),
        (timedelta(hours=20), False, "The rules have not been evaluated since 22 Nov 18:47 UTC"),
        (None, False, "The rules have never been evaluated"),
    ],
)
def test_silence_is_good_news_only_while_the_rules_look(age, is_watched, sentence):
    """After two minutes without an evaluation the page says since when, and what to look at."""
    last = None if age is None else NOW - age
    found = Attention((), last, last, NOW)

    assert found.is_watched == is_watched
    assert (words.unwatched(found) or "").startswith(sentence or "")
    assert (words.unwatched(found) is None) == is_watched


@pytest.mark.parametrize(
    ("age", "sentence"),
    [
        (None, "Not checked yet"),
        (timedelta(seconds=119), "Nothing needs attention"),
        (timedelta(minutes=4), "Not checked since 14:43 UTC"),
    ],
)
def test_nothing_needs_attention_only_once_every_rule_was_judged(age, sentence):
    """After a history is loaded the rules look within 30 seconds; until then only the age of the figures was judged."""
    found = Attention((), NOW, None if age is None else NOW - age, NOW)

    assert (good_or_unwatched(found) or "").endswith(sentence)


@pytest.mark.servers
def test_what_was_judged_before_a_history_was_loaded_counts_no_longer(shop_db):
    """Not checked yet, although the rules are evaluated: what they saw lacked orders."""
    evaluated(shop_db, NOW - MINUTE)
    shop.beat(shop_db, NOW)
    evaluate_now(shop_db, "orders", NOW, loading=True)
    while_loading = attention(shop_db, NOW)
    evaluate_now(shop_db, "orders", NOW)
    after = attention(shop_db, NOW)

    assert (while_loading.is_watched, while_loading.is_judged) == (True, False)
    assert (after.is_judged, words.unjudged(after)) == (True, None)


def test_what_somebody_wrote_is_no_markdown():
    """No picture is fetched, no link is made, no formula is typeset."""
    assert words.plain("![x](http://e.vil) $5 :red[a] *b*") == (r"\!\[x\]\(http\://e.vil\) \$5 \:red\[a\] \*b\*")


def test_earlier_alerts_follow_without_a_gap(shop_db):
    """Alerts that opened at one instant are all there, wherever the first page ends."""
    watches = [raise_alert(shop_db, Rule.STOCK_OUT, f"product:{n}", NOW - 60 * MINUTE, 1.0, 0.5) for n in range(5)]
    for watch in watches:
        close_alert(shop_db, watch, NOW)

    first, everything = past(shop_db, NOW, 3), past(shop_db, NOW, 5)

    assert (len(first.alerts), first.has_earlier, everything.has_earlier) == (3, True, False)
    assert everything.alerts[:3] == first.alerts
    assert {alert.id for alert in everything.alerts} == {id_of(watch) for watch in watches}


def test_attention_is_gravest_first(shop_db):
    """What stands still comes before what is late, however long that has been so."""
    raise_alert(shop_db, Rule.ORDERS_HIGH, "shop", NOW - 90 * MINUTE, 42, 18)
    raise_alert(shop_db, Rule.LATE_SHARE, "courier:5", NOW - 60 * MINUTE, 0.5, 0.1)
    raise_alert(shop_db, Rule.STALE_DATA, "shop", NOW - 12 * MINUTE, 90, 60)
    evaluated(shop_db, NOW)

    found = attention(shop_db, NOW)

    assert [alert.rule for alert in found.open] == [Rule.STALE_DATA, Rule.LATE_SHARE, Rule.ORDERS_HIGH]
    assert found.is_watched


def test_an_open_alert_leads_to_the_figures_that_show_why(browser, address, watched):
    """Severity, title, entity, figure, since; the link opens the page with just its filters; Back is back."""
    late = raise_alert(watched, Rule.LATE_SHARE, "courier:5", ago(42), 0.452, 0.12)
    with opened(browser, f"{address}/alerts?range=7+d&warehouse=1&payment=Credit+Card") as found:
        card = open_card(found, late)
        expect(card).to_contain_text("warning")
        expect(card).to_contain_text("Late deliveries · courier 5 Courier of 5")
        for_minutes = rf"45\.2 % late, usually 12\.0 % · since {when(late.since)} \(4[2-9] m\)"
        expect(card).to_contain_text(re.compile(for_minutes))
        why = card.get_by_role("link", name="Why: Delivery")
        link = why.get_attribute("href")
        why.click()
        expect(found.tile("Late now")).to_be_visible()
        expect(found.page).to_have_url(re.compile(r"/delivery\?(?=.*courier=5)(?!.*(warehouse|payment|7))"))
        pills = found.page.locator(".st-key-pills").get_by_role("button")
        expect(pills).to_have_count(1)
        expect(pills).to_contain_text("Courier: 5 Courier of 5")
        expect(found.page.get_by_role("radio", name="Today")).to_be_checked()
        found.page.go_back()
        expect(card).to_be_visible()
        expect(found.page).to_have_url(re.compile(r"/alerts\?(?=.*range=7)(?=.*warehouse=1)(?=.*payment)(?!.*courier)"))
        expect(pills).to_have_count(0)
        found.go_to("Delivery")
        expect(pills).to_have_count(2)
    with opened(browser, f"{address}/{link}", charts=None) as again:
        expect(again.page.locator(".st-key-pills").get_by_role("button")).to_contain_text("Courier: 5")


def test_the_first_to_acknowledge_stays(browser, address, watched):
    """Stored, shown at once, there after a reload; a second reader, whose page did not know yet, changes nothing."""
    poison = raise_alert(watched, Rule.DEAD_LETTERS, "shop", ago(20), 0.034, 0.01)
    with (
        opened(browser, f"{address}/alerts") as first,
        opened(browser, f"{address}/alerts") as other,
    ):
        for found, name in ((first, "Ada *the* 1st"), (other, "Bob")):
            open_card(found, poison).get_by_role("button", name="Acknowledge").click()
            found.page.get_by_label("Your name").fill(name)
        first.page.get_by_label("Note (optional)").fill("the new till")
        first.page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
        said = re.compile(r"Acknowledged by Ada \*the\* 1st at \d\d:\d\d: the new till")
        expect(open_card(first, poison)).to_contain_text(said)
        expect(first.page.get_by_role("dialog")).to_have_count(0)
        other.page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
        expect(other.page.get_by_text("had acknowledged it already")).to_be_visible()
        expect(open_card(other, poison)).to_contain_text(said)
        first.page.reload()
        expect(open_card(first, poison)).to_contain_text(said)
        expect(open_card(first, poison).get_by_role("button", name="Acknowledge")).to_have_count(0)
    (stored,) = watched[collections.ALERT_ACKNOWLEDGEMENTS].find()

    assert (stored["_id"], stored["by"], stored["note"]) == (id_of(poison), "Ada *the* 1st", "the new till")


def test_the_dialog_and_its_text_survive_refreshes(browser, address, watched):
    """The page behind it goes on (graver alerts appear there), and without a name nothing is written."""
    unusual = raise_alert(watched, Rule.ORDERS_HIGH, "shop", ago(20), 42, 18.3)
    with opened(browser, f"{address}/alerts") as found:
        open_card(found, unusual).get_by_role("button", name="Acknowledge").click()
        dialog = found.page.get_by_role("dialog")
        note = dialog.get_by_label("Note (optional)")
        note.press_sequentially("half a sen")
        for rule in (Rule.ORDERS_LOW, Rule.ORDER_VALUE_LOW):
            appears(found, raise_alert(watched, rule, "shop", ago(15), 1, 18.3))
        expect(dialog).to_contain_text("Unusually many orders")
        found.page.keyboard.type("tence")
        expect(note).to_have_value("half a sentence")
        dialog.get_by_role("button", name="Acknowledge").click()
        expect(dialog).to_contain_text("Say who you are")
        expect(note).to_have_value("half a sentence")
        found.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        appears(found, raise_alert(watched, Rule.ORDER_VALUE_HIGH, "shop", ago(15), 99, 18.3))
        expect(dialog).to_have_count(0)

    assert watched[collections.ALERT_ACKNOWLEDGEMENTS].count_documents({}) == 0


def test_what_cannot_be_acknowledged_is_a_sentence(browser, address, watched):
    """The alert is gone: the dialog says so, keeps what was typed, and nothing is written."""
    gone = raise_alert(watched, Rule.ORDERS_HIGH, "shop", ago(20), 42, 18.3)
    with opened(browser, f"{address}/alerts") as found:
        open_card(found, gone).get_by_role("button", name="Acknowledge").click()
        dialog = found.page.get_by_role("dialog")
        dialog.get_by_label("Your name").fill("Ada")
        watched[collections.ALERTS].delete_one({"_id": id_of(gone)})
        dialog.get_by_role("button", name="Acknowledge").click()
        expect(dialog).to_contain_text("There is no alert")
        expect(dialog).to_contain_text("nothing was acknowledged")
        expect(dialog.get_by_label("Your name")).to_have_value("Ada")

    assert watched[collections.ALERT_ACKNOWLEDGEMENTS].count_documents({}) == 0


def test_what_is_over_is_in_the_history_and_in_the_file(browser, address, watched):
    """From, to, how long, newest first; earlier ones on demand; the file has the same rows and its time."""
    old = [raise_alert(watched, Rule.STOCK_OUT, f"product:{n}", ago(3000 + n), 1.0, 0.5) for n in range(22)]
    for watch in old:
        close_alert(watched, watch, watch.since + 30 * MINUTE)
    newest = raise_alert(watched, Rule.OVERSOLD, "warehouse:2/product:3", ago(100), 7, 0)
    alerts.acknowledge(watched, id_of(newest), "=Ada")
    close_alert(watched, newest, newest.since + 75 * MINUTE)
    with opened(browser, f"{address}/alerts") as found:
        rows = found.card("alerts-past").locator("tbody tr")
        expect(rows).to_have_count(20)
        expect(rows.first).to_contain_text(
            "Sold more than there is · product 3 Article 3 in warehouse 2 Warehouse of 2"
        )
        expect(rows.first).to_contain_text("7 units short")
        expect(rows.first).to_contain_text("1 h 15 m")
        expect(rows.first).to_contain_text("=Ada at ")
        found.page.get_by_role("button", name="Show earlier").click()
        expect(rows).to_have_count(23)
        expect(found.page.get_by_role("button", name="Show earlier")).to_have_count(0)
        with found.page.expect_download() as download:
            found.card("alerts-past").get_by_test_id("stDownloadButton").get_by_role("button").click()
        with Path(download.value.path()).open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.reader(file))
    about, gap, head, *table = lines

    assert (about[0], gap) == ("as of", [])
    assert about[1].startswith(f"{datetime.now(UTC):%Y-%m-%dT}")
    assert len(table) == 23
    row = dict(zip(head, table[0], strict=True))
    assert (row["Rule"], row["Value"], row["Unit"], row["Acknowledged by"]) == ("oversold", "7", "units", "'=Ada")
    assert row["From"] == f"{newest.since:%Y-%m-%dT%H:%M:%S}.{newest.since.microsecond // 1000:03}Z"


def test_nothing_needs_attention_only_while_the_rules_are_evaluated(browser, address, watched):
    """On both pages: good news, then that the rules are not evaluated and since when, then good news again."""
    good = "Nothing needs attention"
    with opened(browser, f"{address}/alerts") as alerts_page, opened(browser, address) as overview:
        pages = (alerts_page.page, overview.page)
        for page in pages:
            expect(page.get_by_text(good)).to_be_visible()
        last = ago(8)
        evaluated(watched, last)
        for page in pages:
            expect(page.get_by_text(f"not been evaluated since {when(last)} UTC")).to_be_visible()
            expect(page.get_by_text(good)).to_have_count(0)
        evaluated(watched, ago(-10))
        for page in pages:
            expect(page.get_by_text(good)).to_be_visible()


def test_the_overview_shows_the_gravest_three(browser, address, watched):
    """Icon and word, whom it is about, since when; the first leads to its page, the rest to Alerts."""
    shelf = raise_alert(watched, Rule.OVERSOLD, "warehouse:2/product:3", ago(30), 7, 0)
    raise_alert(watched, Rule.ORDERS_HIGH, "shop", ago(50), 42, 18.3)
    raise_alert(watched, Rule.STOCK_OUT, "product:12", ago(20), 1.0, 0.5)
    raise_alert(watched, Rule.STALE_DATA, "shop", ago(12), 95, 60)
    with opened(browser, address) as found:
        card = found.card("attention")
        links = card.get_by_role("link")
        expect(links).to_have_count(4)
        expect(links.first).to_contain_text("critical Figures are old")
        expect(card).to_contain_text(f"product 3 Article 3, warehouse 2 · since {when(shelf.since)}")
        expect(card).not_to_contain_text("Unusually many orders")
        links.filter(has_text="1 more on Alerts").click()
        expect(found.page.get_by_text("4 open, 0 acknowledged")).to_be_visible()
        found.page.go_back()
        card.get_by_role("link", name="Sold more than there is").click()
        expect(found.card("movements")).to_contain_text("2 Warehouse of 2 · 3 Article 3")
        expect(found.page).to_have_url(re.compile(r"/inventory\?(?=.*warehouse=2)(?=.*product=3)"))


def test_the_rules_show_how_good_they_are(browser, address, watched):
    """Precision, recall, time to detect and the day of the run, as they were recorded."""
    scores = alerts.read_scores()
    poison = next(one for one in scores.by_scenario if one.scenario == "poison")
    with opened(browser, f"{address}/alerts") as found:
        found.page.get_by_role("tab", name="How good are the rules").click()
        card = found.card("scores")
        expect(card).to_contain_text(f"{scores.measured_on:%d %B %Y}")
        row = card.locator("tbody tr").filter(has_text="poison")
        expect(row).to_contain_text(f"{poison.precision:.2f}")
        expect(row).to_contain_text(f"{poison.median_seconds_to_detect / 60:.1f} min")
        expect(found.card("alerts-open")).to_have_count(0)
