"""The documents hold together: links, pictures and anchors lead somewhere, and the code that they name exists."""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from core.config import ROOT
from tests.docs import documents
from tests.test_layout import ALLOWED, CLIENT

DOCUMENTS = documents.all_documents()
LINK = re.compile(r"!?\[(?:[^\[\]]|!?\[[^\]]*\]\([^)]*\))*\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^ {0,3}#{1,6} +(.+?)(?: +#+)? *$", re.MULTILINE)
# A name in backticks that begins with one of these folders is a file or a folder of the repository.
TOPS = (
    "core",
    "web",
    "worker",
    "admin",
    "face_api_client",
    "migrations",
    "tests",
    "compose",
    "deploy",
    "weights",
    "docs",
)
CODE_PATH = re.compile(rf"(?:{'|'.join(TOPS)})(?:/[\w.-]+)+/?")
README_LINES, GLOSSARY_TERMS = 250, 25


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def links(path: Path) -> Iterator[str]:
    """Yield the targets of links and pictures that lie in the repository."""
    text = documents.CODE.sub("", documents.FENCE.sub("", path.read_text()))
    yield from (target for target in LINK.findall(text) if not urlsplit(target).scheme)


def slug(heading: str) -> str:
    """Return the anchor that hosting sites give to a heading: lower case, no punctuation, `-` for each space."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    kept = (c for c in text.lower() if c in " -_" or unicodedata.category(c)[0] in "LN")
    return "".join(kept).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    """Return a document's anchors; a heading that comes again gets a number."""
    found: set[str] = set()
    for heading in HEADING.findall(documents.FENCE.sub("", path.read_text())):
        plain = slug(heading)
        numbered = (f"{plain}-{number}" if number else plain for number in range(len(found) + 1))
        found.add(next(anchor for anchor in numbered if anchor not in found))
    return found


def broken(path: Path) -> list[str]:
    """Return the links of a document that lead nowhere."""
    found = []
    for link in links(path):
        parts = urlsplit(link)
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        there = target.is_relative_to(ROOT) and target.exists()
        anchored = there and target.suffix == ".md" and parts.fragment
        if not there or (anchored and parts.fragment not in anchors(target)):
            found.append(link)
    return found


def code_paths(path: Path) -> set[str]:
    """Return the files, modules and folders that a document names."""
    return {code for code in documents.coded(path.read_text()) if CODE_PATH.fullmatch(code)}


def exists(code: str) -> bool:
    root = ROOT / CLIENT if code.startswith("face_api_client") else ROOT
    return (root / code).exists() or (root / f"{code}.py").is_file()


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    assert broken(path) == []


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.name != "CHANGELOG.md"], ids=name)
def test_named_code_exists(path: Path) -> None:
    assert {code for code in code_paths(path) if not exists(code)} == set()


@pytest.mark.parametrize("tree", ["core", "web", "worker", "admin", f"{CLIENT}/face_api_client"])
def test_architecture_names_every_module(tree: str) -> None:
    named = code_paths(ROOT / "ARCHITECTURE.md")
    modules = {
        name(path).removeprefix(f"{CLIENT}/") for path in (ROOT / tree).rglob("*.py") if path.name != "__init__.py"
    }
    # A folder of modules that are named by one rule stands for them.
    folders = {code for code in named if code in {"web/routes", "web/console/texts"}}
    assert {module for module in modules - named if str(Path(module).parent) not in folders} == set()


def test_architecture_shows_the_import_rules() -> None:
    def dotted(cell: str) -> list[str]:
        return [code.removesuffix(".py").replace("/", ".") for code in documents.coded(cell)]

    table = documents.rows(documents.section(ROOT / "ARCHITECTURE.md", "Import rules"))
    shown = {dotted(package)[0]: sorted(dotted(allowed)) for package, allowed in table}
    assert shown == {package: sorted(allowed) for package, allowed in ALLOWED.items()}


def test_documents_are_found() -> None:
    found = {name(path) for path in DOCUMENTS}
    top = {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "weights/README.md"}
    assert top | {"docs/api.md", "docs/privacy.md"} <= found
    assert all(path.stat().st_size for path in DOCUMENTS)


def test_site_shows_every_document() -> None:
    menu = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    assert sorted(re.findall(r": (\S+\.md)$", menu, re.MULTILINE)) == sorted(map(name, DOCUMENTS))


def test_readme_is_short() -> None:
    assert len(documents.README.read_text().splitlines()) <= README_LINES


def test_glossary_is_short() -> None:
    assert 0 < len(documents.rows(documents.section(ROOT / "ARCHITECTURE.md", "Glossary"))) <= GLOSSARY_TERMS


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What is stored", "what-is-stored"),
        ("Where do I change …?", "where-do-i-change-"),
        ("core/: everything that web and worker share", "core-everything-that-web-and-worker-share"),
        ("`make run` & *more*", "make-run--more"),
        ("[A link](x.md) in_it", "a-link-in_it"),
        ("Größe 2", "größe-2"),
    ],
)
def test_slugs_are_the_hosting_sites(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor
