"""Every relative link in every document leads to a file that is there and, where it names one, to a
heading; and a path that a document names in code is one of the project's."""

import re

import pytest

from harness.documents import ROOT, Document, documents

ALL = documents()
PATH = re.compile(r"(?:config|docker|proxy|scripts|tests)/[\w./-]+")


def problem(document, link):
    """Why it leads nowhere; None where it does."""
    if re.match(r"[a-z]+:", link):
        return None  # another site: nobody is asked
    target, _, anchor = link.partition("#")
    path = ((ROOT / document.path).parent / target).resolve() if target else ROOT / document.path
    if not path.is_relative_to(ROOT):
        return "leads out of the project"
    if not path.exists():
        return "there is no such file"
    if anchor and (path.suffix != ".md" or
                   anchor not in Document(path.relative_to(ROOT)).anchors):
        return "there is no such heading"
    return None


@pytest.mark.parametrize("document", ALL, ids=lambda one: one.path)
def test_links(document):
    bad = {link: why for link in document.links if (why := problem(document, link))}
    assert not bad


@pytest.mark.parametrize("document", ALL, ids=lambda one: one.path)
def test_paths_in_code(document):
    bad = [span for span in document.spans if PATH.fullmatch(span)
           and not any((base / span).exists() for base in (ROOT, ROOT / "proxy", ROOT / "config"))]
    assert not bad


def test_links_are_found_at_all():
    readme = Document("README.md")
    assert "config/README.md" in readme.links and "config/images/page.png" in readme.links
    assert {"quick-start", "what-it-stops-and-what-it-does-not"} <= readme.anchors
    assert "lock-suppress-start" in Document("config/README.md").anchors
    assert len(ALL) >= 8
    assert problem(readme, "config/nowhere.md") and problem(readme, "../outside.md")
    assert problem(readme, "config/README.md#nowhere") and problem(readme, "#nowhere")
