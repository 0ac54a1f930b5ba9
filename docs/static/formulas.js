// On pages without formulas there is no KaTeX.
if (window.katex) {
  for (const formula of document.querySelectorAll(".math")) {
    renderMathInElement(formula, {
      delimiters: [
        { left: "\\(", right: "\\)", display: false },
        { left: "\\[", right: "\\]", display: true },
      ],
    });
  }
}
