"""Links and headings of this repository's Markdown files, as GitHub reads them."""

import re
from pathlib import Path
from typing import Iterator, List, NamedTuple, Set, Tuple

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(!?)\[((?:[^\[\]`]|`[^`]*`)*)\]\(([^()\s]+)\)")
FENCE = re.compile(r"^ {0,3}(```+|~~~+)")


class Link(NamedTuple):
    line: int
    target: str


def pages() -> List[Path]:
    """Every Markdown file but those of build folders and hidden ones."""
    found = []
    for path in ROOT.rglob("*.md"):
        first = path.relative_to(ROOT).parts[0]
        if not first.startswith((".", "build", "runs")):
            found.append(path)
    return sorted(found)


def prose(text: str) -> Iterator[Tuple[int, str]]:
    """Numbered lines outside fenced code."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip() == fence:
            fence = ""
        elif not fence:
            yield number, line


def links(text: str) -> List[Link]:
    """Those to places in the repository: no URLs."""
    # Links are allowed to break over two lines.
    lines = dict(prose(text))
    joined = "\n".join(lines.get(i, "") for i in range(1, max(lines, default=0) + 1))
    found = []
    for match in LINK.finditer(joined):
        if "://" not in match[3] and not match[3].startswith("mailto:"):
            found.append(Link(joined.count("\n", 0, match.start(3)) + 1, match[3]))
    return found


def anchors(text: str) -> Set[str]:
    """The names that GitHub gives to the headings of a page."""
    found: Set[str] = set()
    for _, line in prose(text):
        heading = re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        if heading is None:
            continue
        words = re.sub(r"\]\([^)]*\)", "", heading[1])
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        name, count = slug, 0
        while name in found:
            count += 1
            name = f"{slug}-{count}"
        found.add(name)
    return found
