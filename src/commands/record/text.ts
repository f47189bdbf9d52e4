/** A timeline for the terminal. */

import { escapeControls } from "../../log/line_log.ts";
import type { Recording } from "../../recorder/read.ts";
import {
  headline,
  outcomeOf,
  type Row,
  spanText,
  timelineOf,
} from "./timeline.ts";

const RED = "\x1b[31m";
const DIM = "\x1b[2m";
const PLAIN = "\x1b[0m";

/** What is said of a recording that lacks something. */
export function gaps({ lines, unread }: Recording): string[] {
  const lost = (lines[0]?.seq ?? 1) - 1;
  return [
    ...lost > 0
      ? [`the first ${lost} lines are gone: --record-max was reached`]
      : [],
    ...unread > 0 ? [`${unread} lines cannot be read`] : [],
  ];
}

/** The recording as text, a line for each call and one for each try. */
export function textOf(recording: Recording, useColor: boolean): string {
  const paint = (code: string, text: string) =>
    useColor ? `${code}${text}${PLAIN}` : text;
  const lines = timelineOf(recording.lines).flatMap((row) =>
    rowLines(row, paint)
  );
  return [
    escapeControls(headline(recording.header)),
    ...gaps(recording).map(escapeControls),
    "",
    ...lines,
    "",
  ].join("\n");
}

type Paint = (code: string, text: string) => string;

function rowLines(row: Row, paint: Paint): string[] {
  const { at, kind, id, attempts } = row;
  const time = `${(at / 1000).toFixed(3)} s`.padStart(12);
  const name = escapeControls(
    id === undefined ? row.name : `${row.name} ${id}`,
  );
  if (kind === "note") return [`${time}  ${paint(DIM, `· ${name}`)}`];
  const outcome = escapeControls(outcomeOf(row));
  const isFault = outcome !== "" && outcome !== "ok";
  const [only] = attempts;
  const isPlain = attempts.length === 1 && !only.isFault;
  const tail = isPlain ? escapeControls(`${only.outcome} ${only.under}`) : "";
  const head = [
    time,
    name.padEnd(36),
    spanText(row.ms ?? (isPlain ? only.ms : undefined)).padStart(10),
    isFault ? paint(RED, outcome) : outcome,
    tail,
  ].filter((part) => part !== "").join("  ");
  const tries = isPlain ? [] : attempts.map((attempt, index) => {
    const said = escapeControls(`${attempt.outcome}  ${attempt.under}`);
    const which = `try ${index + 1}`.padEnd(8);
    const span = spanText(attempt.ms).padStart(10);
    return `${" ".repeat(14)}${which}${span}  ${
      attempt.isFault ? paint(RED, said) : said
    }`;
  });
  return [head.trimEnd(), ...tries];
}
