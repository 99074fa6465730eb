import { darkTheme, FONT, lightTheme, pictureStyle } from './pictures/index.js'

/** The report's style sheet: light, dark (as the system or the reader wants it), and paper, which is always light. */
export const reportStyle = `
:root { ${lightTheme} }
@media screen and (prefers-color-scheme: dark) { :root:not([data-theme=light]) { ${darkTheme} } }
@media screen { :root[data-theme=dark] { ${darkTheme} } }
${pictureStyle}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1320px; padding: 20px 24px 60px; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; }
header { display: grid; grid-template-columns: 1fr auto; gap: 0 16px; align-items: start; }
h1 { font-size: 22px; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 40px 0 10px; border-top: 1px solid var(--rule); padding-top: 16px; }
h3 { font-size: 14px; margin: 14px 0 4px; color: var(--quiet); font-weight: 600; }
.quiet, figcaption, caption { color: var(--quiet); font-size: 13px; }
.facts { grid-column: 1 / -1; margin: 2px 0 0; overflow-wrap: anywhere; }
#tools { grid-row: 1; grid-column: 2; display: flex; gap: 6px; }
.notice { background: var(--raised); border-left: 4px solid var(--brown); padding: 8px 14px; font-size: 14px; }
.result { font-size: 18px; line-height: 1.4; margin: 12px 0 2px; overflow-wrap: anywhere; }
.more { margin: 2px 0; font-size: 14px; overflow-wrap: anywhere; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 8px; margin: 12px 0; padding: 0; list-style: none; }
.numbers li { background: var(--raised); border-radius: 6px; padding: 6px 12px 8px; font-size: 13px; line-height: 1.35; color: var(--quiet); overflow-wrap: anywhere; }
.numbers b { display: block; font-size: 22px; color: var(--text); font-weight: 600; white-space: nowrap; }
figure { margin: 8px 0 14px; }
figure svg[role=img] { display: block; width: 100%; height: auto; }
figure.natural svg { width: auto; max-width: 100%; }
figure.wide { max-width: 1000px; }
figcaption { margin-top: 4px; max-width: 75em; }
.screen { display: grid; grid-template-columns: minmax(0, 860fr) minmax(0, 380fr); gap: 8px 24px; align-items: start; }
.pictures { display: grid; grid-template-columns: minmax(0, 380fr) minmax(0, 620fr); gap: 8px 32px; align-items: start; }
.extremes { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 32px; }
ol.moves { padding: 0; margin: 0; list-style: none; font-size: 14px; line-height: 1.4; }
ol.moves li { padding: 3px 0; overflow-wrap: anywhere; break-inside: avoid; }
.said { padding-left: 18px; display: inline-block; }
.said .quiet { padding-left: 10px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
table.small { width: auto; margin: 4px 0 10px; }
caption { text-align: left; padding-bottom: 6px; }
th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { font-weight: 600; }
thead th { color: var(--quiet); font-weight: 500; vertical-align: bottom; }
tbody th { overflow-wrap: anywhere; min-width: 9em; }
table.small th { min-width: 0; }
tr > :first-child { text-align: left; padding-left: 0; }
tr.all th, tr.all td { border-top: 2px solid var(--text); font-weight: 600; }
tr.shown th { font-weight: 700; }
th .quiet { font-weight: 400; }
.rail { white-space: pre; font-family: ui-monospace, 'DejaVu Sans Mono', monospace; color: var(--quiet); }
table.texts td:nth-child(n+2) { text-align: left; overflow-wrap: anywhere; }
table.texts td:nth-child(2) { white-space: nowrap; }
a { color: inherit; }
button, input, select { font: inherit; font-size: 14px; color: var(--text); background: var(--raised); border: 1px solid var(--quiet); border-radius: 5px; padding: 3px 10px; min-height: 28px; }
button { cursor: pointer; }
button[aria-pressed=false] { opacity: 0.55; text-decoration: line-through; }
:focus-visible { outline: 2px solid var(--updated); outline-offset: 2px; }
.choice { display: flex; flex-wrap: wrap; gap: 6px; margin: 0 0 8px; }
.choice button[aria-pressed=false] { opacity: 1; text-decoration: none; }
.choice button[aria-pressed=true] { background: var(--text); color: var(--ground); }
.choice select { max-width: 100%; }
.live [data-module] { cursor: pointer; }
.live [data-module]:hover, .live .chosen { stroke: var(--failed); stroke-width: 2; }
.filter { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; position: sticky; top: 0; background: var(--ground); padding: 8px 0; z-index: 1; }
.filter input[type=search] { flex: 1 1 180px; }
.filter label { display: inline-flex; gap: 5px; align-items: center; font-size: 14px; }
.filter input[type=checkbox] { min-height: 0; }
.filter output { font-variant-numeric: tabular-nums; font-size: 14px; white-space: nowrap; }
details.row { scroll-margin-top: 52px; border-bottom: 1px solid var(--rule); }
details.row > summary { display: grid; grid-template-columns: 4.5em 1.2em 3em 4em minmax(0, 1fr); gap: 8px; padding: 5px 0; cursor: pointer; list-style: none; font-variant-numeric: tabular-nums; }
details.row > summary::-webkit-details-marker { display: none; }
details.row > summary:hover { background: var(--raised); }
details.row > summary > :first-child::before { content: '▸ '; color: var(--quiet); }
details.row[open] > summary > :first-child::before { content: '▾ '; }
.ask { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
details > summary { cursor: pointer; }
.body { padding: 0 0 16px 20px; }
.answers { display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 0 16px; }
pre { margin: 0; padding: 8px 12px; background: var(--raised); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 13px/1.5 ui-monospace, 'DejaVu Sans Mono', monospace; unicode-bidi: isolate; }
.added, ins { background: color-mix(in srgb, var(--updated) 22%, transparent); text-decoration: underline; text-decoration-color: var(--updated); }
.removed, del { background: color-mix(in srgb, var(--failed) 22%, transparent); text-decoration: line-through; }
.diff .added { text-decoration: none; }
.diff .removed { text-decoration: none; }
.diff .hunk { color: var(--quiet); }
.diff span { display: inline-block; min-width: 100%; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 16px; margin: 10px 0; font-size: 14px; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
bdi { unicode-bidi: isolate; }
li > bdi, dd > bdi { overflow-wrap: anywhere; }
.icon { width: 12px; height: 12px; vertical-align: -1px; }
.failed-text { color: var(--failed); overflow-wrap: anywhere; }
.loss { display: block; max-width: 420px; font-family: ${FONT}; }
.print { display: none; }
@media (max-width: 1000px) { th, td { padding: 4px 5px; } table { font-size: 12.5px; } tbody th { min-width: 7em; } .screen, .pictures { grid-template-columns: minmax(0, 1fr); } .screen figure + figure { display: grid; grid-template-columns: 400px minmax(0, 1fr); gap: 24px; align-items: center; } #where { display: grid; grid-template-columns: 400px minmax(0, 1fr); gap: 0 24px; align-items: center; } #where > h3, #where > .choice { grid-column: 1 / -1; } }
@media (max-width: 700px) { .extremes { grid-template-columns: minmax(0, 1fr); } }
@page { size: A4; margin: 14mm 13mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; print-color-adjust: exact; }
  h2, h3, h2 + p { break-after: avoid; }
  h2 { margin-top: 20px; }
  figure, tr, .numbers, .extremes, .edit > h3, details.row, dl > * { break-inside: avoid; }
  thead { display: table-header-group; }
  table { font-size: 8.5pt; }
  th, td { padding: 3px 4px; }
  .numbers { grid-template-columns: repeat(5, 1fr); }
  .screen, .pictures { grid-template-columns: minmax(0, 1fr); }
  .screen figure + figure { display: grid; grid-template-columns: 84mm minmax(0, 1fr); gap: 6mm; align-items: center; } #where { display: grid; grid-template-columns: 84mm minmax(0, 1fr); gap: 0 6mm; align-items: center; }
  #where > h3 { grid-column: 1 / -1; }
  .filter { position: static; }
  #tools, .filter, .choice, button { display: none; }
  .print { display: block; }
  details.row:nth-of-type(n+101) { display: none; }
  pre, .numbers li { border: 1px solid var(--rule); }
  .scroll { overflow: visible; }
}
`
