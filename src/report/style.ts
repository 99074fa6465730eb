import { chartStyle } from './svg.js'

/**
 * The report's style sheet. Colours are pairs checked for contrast of 3:1 or more on their ground (text 4.5:1), told
 * apart under the common colour-vision deficiencies; a dark reader gets the second set, paper always the first.
 */
export const reportStyle = `
:root { --ground: #fff; --raised: #f6f6f4; --text: #1b1b1b; --quiet: #6b6b6b; --rule: #dedcd7;
  --updated: #0072b2; --failed: #d55e00; --green: #00835f; --violet: #aa4499; --brown: #9a6700; color-scheme: light; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ground: #212121; --raised: #2a2a2a; --text: #ececec; --quiet: #a8a8a8; --rule: #444;
    --updated: #56b4e9; --failed: #ff8c42; --green: #00c08b; --violet: #e79ac6; --brown: #e69f00; color-scheme: dark; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 940px; padding: 24px 20px 60px; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; }
h1 { font-size: 24px; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 40px 0 10px; }
h3 { font-size: 14px; margin: 18px 0 4px; color: var(--quiet); font-weight: 600; }
.quiet, figcaption, caption { color: var(--quiet); font-size: 13px; }
.result { font-size: 18px; line-height: 1.45; margin: 18px 0 4px; max-width: 44em; }
.numbers { display: flex; flex-wrap: wrap; gap: 8px; margin: 18px 0 8px; padding: 0; list-style: none; }
.numbers li { flex: 1 1 120px; background: var(--raised); border-radius: 6px; padding: 10px 14px; font-size: 13px; color: var(--quiet); }
.numbers b { display: block; font-size: 22px; line-height: 1.3; color: var(--text); font-weight: 600; white-space: nowrap; }
figure { margin: 18px 0 26px; }
figcaption { margin-bottom: 4px; }
figcaption b { color: var(--text); }
figcaption .legend { display: block; }
.legend span { margin-right: 14px; white-space: nowrap; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: 6px; }
th, td { padding: 4px 8px; text-align: right; border-bottom: 1px solid var(--rule); }
th { font-weight: 600; }
thead th { color: var(--quiet); font-weight: 500; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; padding-left: 0; min-width: 9em; }
tr.all th, tr.all td { border-top: 2px solid var(--text); font-weight: 600; }
ol.moves { padding: 0; list-style: none; columns: 2; column-gap: 32px; font-size: 14px; }
ol.moves li { break-inside: avoid; padding: 2px 0; overflow-wrap: anywhere; }
a { color: inherit; }
details { border-bottom: 1px solid var(--rule); }
summary { display: grid; grid-template-columns: 4.5em 2em 9.5em 1fr; gap: 8px; padding: 6px 0; cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary::before { content: none; }
summary:hover { background: var(--raised); }
summary .ask { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; min-width: 0; }
summary .n::before { content: '▸ '; color: var(--quiet); }
details[open] .n::before { content: '▾ '; }
details[open] summary .ask { visibility: hidden; }
summary, .n { font-variant-numeric: tabular-nums; }
:focus-visible { outline: 2px solid var(--updated); outline-offset: 2px; }
.body { padding: 0 0 16px 20px; }
.texts { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 0 16px; }
pre { margin: 0; padding: 8px 12px; background: var(--raised); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 13px/1.5 ui-monospace, 'DejaVu Sans Mono', monospace; unicode-bidi: isolate; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 8px 0; font-size: 14px; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
bdi { unicode-bidi: isolate; }
.failed-text { color: var(--failed); }
${chartStyle}
@page { size: A4; margin: 16mm 14mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  h2 { break-after: avoid; }
  figure, tr, .numbers, details > .body > div { break-inside: avoid; }
  thead { display: table-header-group; }
  table { font-size: 9pt; }
  th, td { padding: 3px 4px; }
  .numbers li { flex-basis: 80px; padding: 8px 10px; }
  pre, .numbers li { border: 1px solid var(--rule); }
}
`
