/** A timeline for the terminal. */

import { escapeControls } from "../../log/line_log.ts";
import type { Recording } from "../../recorder/read.ts";
import {
  type Attempt,
  gaps,
  headline,
  outcomeOf,
  type Row,
  spanText,
  timelineOf,
} from "./timeline.ts";

const RED = "\x1b[31m";
const DIM = "\x1b[2m";
const PLAIN = "\x1b[0m";

/** How wide the words of a call and of how it went may be. */
const NAME_WIDTH = 36;
const WIDTH = 80;

type Paint = (code: string, text: string) => string;

/** The recording as text, a line for each call and one for each try. */
export function textOf(recording: Recording, useColor: boolean): string {
  const paint: Paint = (code, text) =>
    useColor && text !== "" ? `${code}${text}${PLAIN}` : text;
  return [
    shown(headline(recording.header), Infinity),
    ...gaps(recording),
    "",
    ...timelineOf(recording.lines).flatMap((row) => rowLines(row, paint)),
    "",
  ].join("\n");
}

function rowLines(row: Row, paint: Paint): string[] {
  const { at, kind, id, attempts } = row;
  const time = `${(at / 1000).toFixed(3)} s`.padStart(12);
  const name = id === undefined ? row.name : `${row.name} ${id}`;
  if (kind === "note") {
    return [`${time}  ${paint(DIM, `· ${shown(name, WIDTH)}`)}`];
  }
  const outcome = outcomeOf(row);
  const [only] = attempts;
  const isPlain = attempts.length === 1 && !only.isFault;
  const head = [
    time,
    shown(name, NAME_WIDTH).padEnd(NAME_WIDTH),
    spanText(row.ms ?? (isPlain ? only.ms : undefined)).padStart(10),
    /^(?:ok)?$/.test(outcome) ? outcome : paint(RED, shown(outcome, WIDTH)),
    isPlain ? saidOf(only) : "",
  ].filter((part) => part !== "").join("  ");
  const tries = isPlain ? [] : attempts.map((attempt, index) => {
    const said = saidOf(attempt);
    const which = `try ${index + 1}`.padEnd(8);
    return `${" ".repeat(14)}${which}${spanText(attempt.ms).padStart(10)}  ${
      attempt.isFault ? paint(RED, said) : said
    }`;
  });
  return [head.trimEnd(), ...tries];
}

function saidOf({ outcome, under }: Attempt): string {
  return `${shown(outcome, WIDTH)} ${shown(under, NAME_WIDTH)}`.trimEnd();
}

/** On one line, as text, and no wider than this. */
function shown(text: string, width: number): string {
  const line = escapeControls(text);
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}
