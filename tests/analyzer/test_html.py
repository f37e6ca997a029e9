"""The HTML report: one file, nothing run or loaded, whatever was captured."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from analyzer.check.outcome import unreadable
from tests.analyzer.check import outcomes
from tests.analyzer.check.outcomes import outcome, recorded, written

VOID = {"meta", "br", "line", "path", "link", "img", "input", "hr"}
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "a", "header", "main", "section", "nav", "h1",
    "h2", "h3", "p", "span", "strong", "code", "dl", "dt", "dd", "ol", "li", "table", "caption",
    "thead", "tbody", "tr", "th", "td", "div", "details", "summary", "article", "figure",
    "figcaption", "svg", "desc", "text", "line", "path", "br", "footer",
}  # fmt: skip


class Page(HTMLParser):
    """Checks nesting, ids and links while it reads."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open
        self.ids = [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def page() -> str:
    captures = [
        outcome(recorded("lab/nginx-publish-denied.pcap"), "publish.started", profile="youtube"),
        outcome(recorded("real/publish-play-nginx.pcap")),
        outcome(recorded("edge/rtmps.pcap")),
        unreadable("gone.pcap", "No such file"),
    ]
    return written("html", *captures)


def test_structure(page: str) -> None:
    found = Page(page)
    assert {tag for tag, _ in found.tags} <= ALLOWED
    assert len(found.ids) == len(set(found.ids))
    for _, attributes in found.tags:
        target = attributes.get("href")
        if target is not None:
            assert target.startswith("#") and target[1:] in found.ids, "links stay in the page"
        for name in ("aria-labelledby",):
            for one in (attributes.get(name) or "").split():
                assert one in found.ids


def test_nothing_is_loaded_run_or_styled_in_line(page: str) -> None:
    for tag, attributes in Page(page).tags:
        assert tag not in ("script", "link", "img", "iframe", "object", "form", "base")
        assert not {"src", "style", "srcset", "action"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)


def test_the_policy_allows_the_style_sheet_and_nothing_else(page: str) -> None:
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    wanted = b64encode(sha256(style.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.split("; ") == [
        "default-src &#39;none&#39;" if "&#39;" in policy else "default-src 'none'",
        f"style-src 'sha256-{wanted}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert "url(" not in style and "@import" not in style


def test_one_can_do_without_eyes(page: str) -> None:
    found = Page(page)
    assert ("html", {"lang": "en"}) in found.tags
    plots = [a for tag, a in found.tags if tag == "svg" and a.get("role") == "img"]
    assert plots and all(a["aria-labelledby"] for a in plots)
    headings = [int(tag[1]) for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    assert all("scope" in a for tag, a in found.tags if tag == "th")
    assert "prefers-color-scheme: dark" in page and "@media print" in page


def test_it_says_what_was_found(page: str) -> None:
    text = " ".join("".join(Page(page).text).split())
    for words in ("CMD-05", "frame 34", "publish ✗", "youtube/videoCodec", "No such file",
                  "no RTMP was found", "GOP length", "320×180", "Blame: server"):  # fmt: skip
        assert words in text, words


def test_hostile_text_stays_text() -> None:
    found = outcome(outcomes.hostile())
    found.capture.name = outcomes.HOSTILE + "\ud800"
    page = Page(written("html", found))
    assert {tag for tag, _ in page.tags} <= ALLOWED
    assert not any(name.startswith("on") for _, a in page.tags for name in a)
    text = "".join(page.text)
    assert "<script>alert(1)</script>" in text and "{{7*7}}" in text
    assert not re.search("[\x00-\x08\x0b\x1b\x7f-\x9f\u202e\ud800-\udfff\ufffe]", text)


def test_secrets_are_replaced_and_the_page_says_so() -> None:
    session = outcomes.secret()
    page = written("html", outcome(session), secrets=outcomes.secrets_of(session))
    assert "s3cr3t" not in page and "cam7" not in page and "‹key#1›" in page
    assert "are replaced by" in page
    assert "Not redacted" in written("html", outcome(session))
