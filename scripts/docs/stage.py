#!/usr/bin/env python3
"""Lays out the Markdown files for Sphinx: stage.py FOLDER.

docs/README.md becomes the front page and its lists the tree of contents: the pages they name are the site. Links to other
files become downloads, those to folders plain text. Pages of the public headers are added.
"""

import os
import re
import shutil
import sys
from pathlib import Path
from typing import List, Set

from markdown import LINK, ROOT, links

DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
HEADER = ROOT / "ntt" / "ntt.h"


def site_pages() -> Set[Path]:
    text = INDEX.read_text()
    targets = [link.target.partition("#")[0] for link in links(text)]
    return {INDEX} | {(DOCS / name).resolve() for name in targets if name.endswith(".md")}


def place(path: Path) -> Path:
    """Where a file of the repository lies in the site."""
    if path == INDEX:
        return Path("index.md")
    return path.relative_to(DOCS if path.is_relative_to(DOCS) else ROOT)


def rewritten(page: Path, text: str, site: Set[Path], folder: Path) -> str:
    """The page with links that fit the site; files that it links to are copied there."""

    def replace(match: "re.Match[str]") -> str:
        image, words, target = match.groups()
        name, _, anchor = target.partition("#")
        if "://" in target or not name:
            return match[0]
        path = Path(os.path.normpath(page.parent / name))
        if path.is_dir():
            return words
        if path not in site:
            (folder / place(path)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / place(path))
        moved = os.path.relpath(place(path), place(page).parent)
        return f"{image}[{words}]({moved}{'#' + anchor if anchor else ''})"

    # Fenced code stays as it is.
    parts = re.split(r"(?ms)(^ {0,3}```.*?^ {0,3}```\s*?$)", text)
    return "".join(part if i % 2 else LINK.sub(replace, part) for i, part in enumerate(parts))


def toctree(caption: str, entries: List[str]) -> str:
    return "\n".join(["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *entries, "```", ""])


def contents(text: str) -> str:
    """The front page's lists of links as trees of contents."""
    trees = ""
    for section in re.split(r"(?m)^## ", text)[1:]:
        entries = [f"{name} <{target}>" for name, target in re.findall(r"(?m)^- \[(.+?)\]\((\S+?)\.md\)", section)]
        trees += toctree(section.splitlines()[0], entries)
    return trees


def write_cpp_reference(folder: Path) -> None:
    """A page for each folder of which ntt/ntt.h includes headers."""
    headers = re.findall(r'(?m)^#include "(ntt/(\w+)/\w+\.h)"', HEADER.read_text())
    (folder / "cpp").mkdir()
    names = sorted({name for _, name in headers})
    for name in names:
        lines = [f"# ntt/{name}", ""]
        for header in [header for header, of in headers if of == name]:
            lines += [f"## {header}", "", "```{doxygenfile} " + Path(header).name, "```", ""]
        (folder / "cpp" / f"{name}.md").write_text("\n".join(lines))
    index = "# C++ reference\n\nWhat `ntt/ntt.h` offers, by the folders of its headers.\n"
    tree = "\n".join(["", "```{toctree}", *names, "```", ""])
    (folder / "cpp" / "index.md").write_text(index + tree)


def main() -> None:
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    site = site_pages()
    for page in site:
        target = folder / place(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = rewritten(page, page.read_text(), site, folder)
        target.write_text(text + contents(text) if page == INDEX else text)
    write_cpp_reference(folder)
    with (folder / "index.md").open("a") as index:
        index.write(toctree("Reference", ["C++ <cpp/index>", "Python <python/neural_tangent_transfer/index>"]))


if __name__ == "__main__":
    main()
