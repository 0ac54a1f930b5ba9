"""Opens the page that ntt report writes in headless Chromium: no complaint of the browser, every figure there, nothing
wider than the window, no box on another, at the width of a phone and of a desk, in light and dark.

usage: browser_test.py PAGE FIGURE..., the ids of all figures
"""

import json
import signal
import sys
from pathlib import Path

from browser import Browser

WIDTHS = (400, 1400)
PATIENCE = 120  # seconds for all of it

# Boxes that must not lie on one another; the texts of a drawing among them, except those of one text.
OVERLAPS = """
(() => {
  const seen = (element) => element.checkVisibility();  // not in closed details
  const boxes = (selector) => [...document.querySelectorAll(selector)].filter(seen).map((element) => {
    const box = element.getBoundingClientRect();
    return {name: element.id || element.textContent.trim().slice(0, 40), left: box.left, right: box.right,
            top: box.top, bottom: box.bottom, figure: element.closest('figure')};
  }).filter((box) => box.right > box.left && box.bottom > box.top);
  const found = [];
  const compare = (list, room, same) => {
    for (let i = 0; i < list.length; ++i) {
      for (let j = i + 1; j < list.length; ++j) {
        const [a, b] = [list[i], list[j]];
        if (same(a, b) && Math.min(a.right, b.right) - Math.max(a.left, b.left) > room &&
            Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > room) {
          found.push(`${a.figure ? a.figure.id + ': ' : ''}'${a.name}' lies on '${b.name}'`);
        }
      }
    }
  };
  compare(boxes('body > *'), 1, () => true);
  compare(boxes('section > h2, section .scroll, figure, summary, section > ul'), 1, () => true);
  compare(boxes('figure svg text'), 1, (a, b) => a.figure === b.figure);
  return found;
})()
"""

OUTSIDE = """
[...document.querySelectorAll('figure svg')].flatMap((svg) => {
  const outer = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter((text) => {
    const box = text.getBoundingClientRect();
    return box.width > 0 && (box.left < outer.left - 1 || box.right > outer.right + 1 || box.bottom > outer.bottom + 1);
  }).map((text) => `${svg.closest('figure').id}: '${text.textContent}'`);
})
"""


def check(browser, page, figures, width, scheme):
    failures = []
    browser.open(page, width, scheme)
    here = browser.evaluate("[...document.querySelectorAll('figure')].map((figure) => figure.id)")
    failures += [f"{figure} is not there" for figure in sorted(set(figures) - set(here))]
    failures += [f"{figure} was not announced" for figure in sorted(set(here) - set(figures))]
    for figure in figures:
        size = browser.evaluate(
            f"(() => {{ const box = document.querySelector('#' + CSS.escape({json.dumps(figure)}) + ' svg')"
            ".getBoundingClientRect(); return [box.width, box.height]; })()")  # fmt: skip
        if min(size) < 100:
            failures.append(f"{figure} is drawn at {size}")
    if (wide := browser.evaluate("document.documentElement.scrollWidth")) > width:
        failures.append(f"the page is {wide} pixels wide")
    failures += browser.evaluate(OVERLAPS)
    failures += [f"outside its drawing: {text}" for text in browser.evaluate(OUTSIDE)]
    ids = browser.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    if len(set(ids)) < len(ids):
        failures.append("ids are used twice")
    colours = browser.evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    dark = sum(int(part) for part in colours[1][4:-1].split(",")) < 3 * 128
    if dark != (scheme == "dark"):
        failures.append(f"the background is {colours[1]}")
    if any(browser.evaluate(f"[...document.querySelectorAll('figure svg text')].map("
                            f"(text) => getComputedStyle(text).fill !== {json.dumps(colours[0])})")):  # fmt: skip
        failures.append("a drawing's text has another colour than the page's")
    failures += browser.problems
    return [f"{width} pixels, {scheme}: {failure}" for failure in failures]


def main():
    page = Path(sys.argv[1])
    figures = sys.argv[2:]
    signal.alarm(PATIENCE)
    failures = []
    with Browser() as browser:
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                failures += check(browser, page, figures, width, scheme)
    for failure in failures:
        print(failure)
    print(f"{len(figures)} figures at {len(WIDTHS)} widths")
    sys.exit(1 if failures or not figures else 0)


main()
