/**
 * A timeline as one page, which loads nothing and runs nothing: what is in a
 * recording may be anybody's words.
 */

import { createHash } from "node:crypto";
import { escapeControls } from "../../log/line_log.ts";
import { parseJson, writeJson } from "../../recorder/json.ts";
import type { Recording } from "../../recorder/read.ts";
import {
  gaps,
  headline,
  outcomeOf,
  type Row,
  spanText,
  timelineOf,
} from "./timeline.ts";

const STYLE = `
:root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif; }
body { margin: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .2rem .6rem; text-align: left; vertical-align: top; }
tr { border-top: 1px solid #8884; }
td.time, td.span { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td { overflow-wrap: anywhere; }
td:nth-child(2) { width: 26%; }
td.bar { width: 30%; }
svg { width: 100%; height: 1.2rem; display: block; }
rect.call { fill: #6a8fd0; } rect.try { fill: #2d5fb4; } rect.fault { fill: #c33; }
.fault { color: #c33; } .note { opacity: .7; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0; }
`;

/** A browser needs a moment for so much; the terminal has all of it. */
const MAX_ROWS = 5_000;
const MAX_TEXT = 4_000;

/** How every page begins: what else is in a file is not written over. */
export const PAGE_BEGINNING = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>A recording of sigv4-proxy</title>
`;

/** The recording as a page: of a long one, its end. */
export function htmlOf(recording: Recording): string {
  const { header, lines } = recording;
  const all = timelineOf(lines);
  const rows = all.slice(-MAX_ROWS);
  const left = all.length - rows.length;
  const notes = [
    ...gaps(recording),
    ...left > 0
      ? [
        `the first ${left} rows are left out here: record show without --html has them`,
      ]
      : [],
  ];
  const from = rows[0]?.at ?? 0;
  const spanMs = Math.max(1, (lines.at(-1)?.t ?? 0) - from);
  const hash = createHash("sha256").update(STYLE).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'`;
  return `${PAGE_BEGINNING}<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<style>${STYLE}</style>
</head>
<body>
<h1>A recording of sigv4-proxy</h1>
<p>${shown(headline(header))}</p>
${notes.map((note) => `<p class="fault">${shown(note)}</p>`).join("\n")}
<table>
<thead><tr><th>at</th><th>what</th><th>took</th><th>how it went</th><th>when</th></tr></thead>
<tbody>
${rows.map((row) => rowOf(row, from, spanMs)).join("\n")}
</tbody>
</table>
</body>
</html>
`;
}

function rowOf(row: Row, from: number, spanMs: number): string {
  const { at, kind, name, id, sent, received, attempts } = row;
  const time = `<td class="time">${((at - from) / 1000).toFixed(3)} s</td>`;
  const label = shown(id === undefined ? name : `${name} ${id}`);
  if (kind === "note") {
    return `<tr class="note">${time}<td colspan="4">${label}</td></tr>`;
  }
  const texts = [sent, received].filter((text) => text !== undefined)
    .map((text) => `<pre>${shown(pretty(text))}</pre>`).join("");
  const what = texts === ""
    ? label
    : `<details><summary>${label}</summary>${texts}</details>`;
  const outcome = outcomeOf(row);
  const isFault = outcome !== "" && outcome !== "ok";
  const tries = attempts.map((attempt, index) =>
    `<div${attempt.isFault ? ' class="fault"' : ""}>try ${index + 1}: ${
      shown(`${attempt.outcome} ${attempt.under} ${spanText(attempt.ms)}`)
    }</div>`
  ).join("");
  return `<tr>${time}<td>${what}</td><td class="span">${
    spanText(row.ms)
  }</td><td><div${isFault ? ' class="fault"' : ""}>${
    shown(outcome)
  }</div>${tries}</td><td class="bar">${bars(row, from, spanMs)}</td></tr>`;
}

/** In the unit of the picture, the whole recording is a thousand wide. */
function bars({ at, ms, attempts }: Row, from: number, spanMs: number): string {
  const bar = (
    at: number,
    ms: number | undefined,
    of: string,
    y: number,
    height: number,
  ) => {
    const x = ((at - from) / spanMs * 1000).toFixed(2);
    const width = Math.max(2, (ms ?? 0) / spanMs * 1000).toFixed(2);
    return `<rect class="${of}" x="${x}" y="${y}" width="${width}" height="${height}"/>`;
  };
  const tries = attempts.map((attempt) =>
    bar(attempt.at, attempt.ms, attempt.isFault ? "fault" : "try", 6, 8)
  );
  const call = ms === undefined ? [] : [bar(at, ms, "call", 2, 16)];
  return `<svg viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true">${
    [...call, ...tries].join("")
  }</svg>`;
}

function pretty(text: string): string {
  const value = text.length > MAX_TEXT ? undefined : parseJson(text);
  return value === undefined ? text.slice(0, MAX_TEXT) : writeJson(value, "\n");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function shown(text: string): string {
  return text.split("\n").map(escapeControls).join("\n")
    .replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? "");
}
