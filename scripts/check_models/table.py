"""Prints an aligned table, or one in Markdown."""


def print_table(header, rows, text_columns, markdown):
    """The first columns are text, the others figures; a last one named "result" is text too."""
    texts = [i < text_columns or header[i] == "result" for i in range(len(header))]
    if markdown:
        rule = ["---" if text else "---:" for text in texts]
        for row in [header, rule, *rows]:
            print("| " + " | ".join(row) + " |")
        return
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        cells = [cell.ljust(width) if text else cell.rjust(width) for cell, width, text in zip(row, widths, texts)]
        print("  ".join(cells).rstrip())
