"""Prints a model's figures as an aligned table, or as Markdown."""

import statistics

NONE = "—"
QUIET = 1.3  # our slowest median of a run over our fastest, above which the machine was not quiet
TEXT_COLUMNS = 3


def show(model, figures, report, markdown):
    """One table: our kernels first, then the peers, each with its ratio to our kernels (peer / ours)."""
    kernels = list(figures["ours"])
    header = ["who", "kernel", "variant", "ms/step", "fastest", "steps", "first s", "GiB"]
    header += [f"÷ ours {name}" for name in kernels]
    rows = [_ours(name, times, kernels) for name, times in figures["ours"].items()]
    rows += [_peer(row, kernels) for row in figures["rows"]]
    title = f"{model}, batch {report['batch_size']}, {report['threads']} threads, {report['processor']}"
    if report["quick"]:
        title += " (quick check: these times mean nothing)"
    print(f"\n{'### ' if markdown else ''}{title}\n")
    print_table(header, rows, markdown)
    for note in _notes(figures):
        print(f"\n{note}")


def print_table(header, rows, markdown, text_columns=TEXT_COLUMNS):
    """Aligned, or as Markdown; the first columns are text, the others figures."""
    (_print_markdown if markdown else _print_aligned)(header, rows, text_columns)


def _print_markdown(header, rows, text_columns):
    rule = ["---"] * text_columns + ["---:"] * (len(header) - text_columns)
    for row in [header, rule, *rows]:
        print("| " + " | ".join(row) + " |")


def _print_aligned(header, rows, text_columns):
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        cells = [c.ljust(w) if i < text_columns else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())


def _notes(figures):
    if figures.get("our_kernels", "agree").split()[0] != "agree":
        yield f"ntt's kernels are not the reference's: {figures['our_kernels']}."
    for name, times in figures["ours"].items():
        medians = [time["ms_per_step"] for time in times]
        if medians and max(medians) > QUIET * min(medians):
            spread = f"{_number(min(medians))} to {_number(max(medians))} ms"
            yield f"Not a quiet machine: ntt {name} took {spread} over the run. These ratios are not to be quoted."
    for row in figures["rows"]:
        if "failure" in row:
            first = f"; its first step took {row['first_step_seconds']:.0f} s" if "first_step_seconds" in row else ""
            yield f"{row['peer']} {row['kernel']}, {row['variant']}: {row['failure']}{first}."


def _number(value):
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}"


def _ours(name, times, kernels):
    """The median of the medians over the run, which were taken before and after each group of peers."""
    if not times:
        return ["ntt", name, NONE, *[NONE] * (5 + len(kernels))]
    cells = ["ntt", name, "four sweeps", _number(statistics.median(time["ms_per_step"] for time in times))]
    cells += [_number(min(time["fastest_ms"] for time in times)), str(sum(time["steps"] for time in times)), NONE]
    return cells + [f"{max(time['peak_gib'] for time in times):.2f}", *[NONE] * len(kernels)]


def _peer(row, kernels):
    cells = [row["peer"], row["kernel"], row["variant"]]
    first = f"{row['first_step_seconds']:.1f}" if "first_step_seconds" in row else NONE
    if "ms_per_step" in row:
        cells += [_number(row["ms_per_step"]), _number(row["fastest_ms"]), str(row["steps"])]
    else:
        cells += [row["failure"].split(" (")[0].split(":")[0], NONE, NONE]
    ratios = row.get("ratios", {})
    cells += [first, f"{row['peak_gib']:.2f}"]
    return cells + [_number(ratios[name]) + "×" if name in ratios else NONE for name in kernels]
