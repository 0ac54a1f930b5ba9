#pragma once

namespace ntt {

/// The page's style sheet.
inline constexpr const char* kPageStyle = R"css(
:root{color-scheme:light dark;--text:#1d2025;--soft:#5c6370;--back:#fff;--panel:#f6f7f9;--line:#dcdfe4;--grid:#e3e5e9;
--link:#0b5cad;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--text:#e4e6ea;--soft:#a0a7b4;--back:#15171b;--panel:#1c1f25;--line:#363b45;
--grid:#333842;--link:#7db8f5;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:84rem;padding:1rem clamp(.75rem,3vw,2rem) 4rem;background:var(--back);color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.2rem;margin:2.5rem 0 .75rem;border-bottom:1px solid var(--line);padding-bottom:.25rem}
a{color:var(--link)}
p{margin:.5rem 0;max-width:48rem}
.soft,figcaption p,nav{color:var(--soft);font-size:.9rem}
nav a{margin-right:1rem;display:inline-block}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px}
table{border-collapse:collapse;width:100%;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem;text-align:left;white-space:nowrap;border-bottom:1px solid var(--line)}
thead th{background:var(--panel);font-weight:600;white-space:normal;overflow-wrap:normal;vertical-align:bottom}
tbody tr:last-child td{border-bottom:0}
.right{text-align:right}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,30rem),1fr));gap:1rem}
figure{margin:0;padding:.75rem;border:1px solid var(--line);border-radius:6px;min-width:0}
figure svg{display:block;width:100%;height:auto;font-family:inherit}
figure .gridline{stroke:var(--grid)}
figcaption strong{font-size:.95rem}
figcaption p{margin:.25rem 0}
.pixels{image-rendering:pixelated}
.swatch{display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.4em}
.bad{color:var(--bad)}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:0 .75rem}
details[open]{padding-bottom:.75rem}
summary{cursor:pointer;padding:.4rem 0}
pre{background:var(--panel);padding:.6rem;border-radius:6px;white-space:pre-wrap;font-size:.8rem;margin:.5rem 0}
@media (max-width:40rem){th,td{padding:.3rem .4rem}figure{padding:.5rem}}
)css";

}  // namespace ntt
