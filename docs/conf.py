"""Settings of Sphinx for the site that `make docs` builds. Its sources are laid out by scripts/docs/stage.py."""

import re
from pathlib import Path

root = Path(__file__).resolve().parents[1]
katex = Path("/usr/share/javascript/katex")

project = "NTT"
copyright = "the NTT authors"
release = re.search(r"project\(ntt VERSION (\S+)", (root / "CMakeLists.txt").read_text())[1]

extensions = ["myst_parser", "sphinx_copybutton", "sphinx.ext.mathjax", "breathe", "autoapi.extension"]

# GitHub's Markdown: $formulas$, ```math, names of headings.
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 4
suppress_warnings = [
    "myst.header",
    "duplicate_declaration.cpp",  # the namespace, which every header opens
    "autoapi.python_import_resolution",
]

# Formulas are set in the browser: KaTeX, from a copy on the site, reads what Sphinx writes for MathJax.
html_static_path = ["static", str(katex)]
mathjax_path = "katex.min.js"
mathjax_options = {"defer": "defer"}
html_js_files = [("contrib/auto-render.js", {"defer": "defer"}), ("formulas.js", {"defer": "defer"})]

highlight_language = "none"  # code without a language is commands and their output

html_theme = "furo"
html_title = f"NTT {release}"
html_css_files = ["katex.min.css"]
html_copy_source = False

breathe_projects = {"ntt": str(root / "build" / "docs" / "doxygen" / "xml")}
breathe_default_project = "ntt"
breathe_show_include = False

# Reads the source without importing it: the module of C++ need not be there.
autoapi_dirs = [str(root / "python" / "neural_tangent_transfer")]
autoapi_root = "python"
autoapi_add_toctree_entry = False
autoapi_options = ["members", "undoc-members", "show-signature", "imported-members"]
default_role = "code"
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100


def as_fields(app, what, name, obj, options, lines):
    """Args:, Returns: and Raises: as fields. (Sphinx's napoleon takes "The student: its weights" for a type.)"""
    section, result = "", []
    for line in lines:
        line = line.replace("|", "\\|")  # |w| is no substitution
        entry = re.match(r"    (\w+): (.*)" if section == "Args:" else r"    ([\w, ]+): (.*)", line)
        if re.fullmatch(r"(Args|Returns|Raises):", line):
            section = line
            result.append(":returns:" if section == "Returns:" else "")
        elif line and not line.startswith(" "):
            section = ""
            result.append(line)
        elif section in ("Args:", "Raises:") and entry:
            result.append(f":{'param' if section == 'Args:' else 'raises'} {entry[1]}: {entry[2]}")
        else:
            result.append(line)
    lines[:] = result


def without_private_modules(app, page, source):
    """Types under the names by which the package offers them."""
    if page.startswith("python/neural_tangent_transfer/"):
        source[0] = re.sub(r"\bneural_tangent_transfer\._\w+\.", "", source[0])


def setup(app):
    app.connect("source-read", without_private_modules)
    app.connect("autodoc-process-docstring", as_fields)
