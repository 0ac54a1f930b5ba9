#!/usr/bin/env python3
"""Fails where a Markdown file links to a file or a heading that is not in the repository."""

import os
import sys
from pathlib import Path
from typing import Optional

from markdown import ROOT, anchors, links, pages


def problem(page: Path, target: str) -> Optional[str]:
    name, _, anchor = target.partition("#")
    path = Path(os.path.normpath(page.parent / name)) if name else page
    if not path.exists():
        return f"there is no {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}"
    if anchor and path.suffix == ".md" and anchor not in anchors(path.read_text()):
        return f"{path.relative_to(ROOT)} has no heading #{anchor}"
    return None


def main() -> int:
    checked = wrong = 0
    for page in pages():
        for link in links(page.read_text()):
            checked += 1
            reason = problem(page, link.target)
            if reason:
                wrong += 1
                print(f"{page.relative_to(ROOT)}:{link.line}: {link.target}: {reason}")
    print(f"{checked} links, {wrong} of them broken")
    return 1 if wrong or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
