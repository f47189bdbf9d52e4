/**
 * What the doctor found, step by step: as text for people, as JSON for
 * programs.
 *
 * @module
 */

import type { Redact } from "../../redact/redact.ts";
import { reasonOf } from "../limit.ts";

/** How a step went. A note is no fault; what was skipped could not be tried. */
export type StepStatus = "ok" | "failed" | "note" | "skipped";

/** Facts of a step, for programs. `undefined` ones are left out. */
export type Facts = {
  readonly [name: string]:
    | string
    | number
    | boolean
    | null
    | readonly string[]
    | undefined;
};

/** One step. */
export interface Step {
  readonly id: string;
  readonly status: StepStatus;
  readonly elapsedMs: number;
  /** What was found. */
  readonly detail: string;
  /** What to do, or what else to know: a sentence each. */
  readonly advice: readonly string[];
  readonly facts: Facts;
}

/** What a step's work gives. */
export interface Finding<T = undefined> {
  /** Default: `ok`. */
  readonly status?: "ok" | "failed" | "note";
  readonly detail: string;
  readonly advice?: readonly string[];
  readonly facts?: Facts;
  /** What later steps build on. */
  readonly value?: T;
}

/** What {@linkcode Report} is made with. */
export interface ReportOptions {
  /** Milliseconds that go by. */
  readonly elapsed: () => number;
  /** Takes the secrets out of a text. */
  readonly redact: Redact;
  /** Told of each step as soon as it is over. */
  readonly onStep?: (step: Step) => Promise<void>;
}

/** The steps, as they are taken. */
export class Report {
  readonly steps: Step[] = [];
  readonly #options: ReportOptions;
  #remarks: string[] = [];

  /** @param options The clock, and who is told. */
  constructor(options: ReportOptions) {
    this.#options = options;
  }

  /** Whether no step failed. */
  get isWell(): boolean {
    return this.steps.every(({ status }) => status !== "failed");
  }

  /** Something to be said with the step that is being taken. */
  remark(text: string): void {
    this.#remarks.push(text);
  }

  /**
   * Takes a step. What its work throws is a failure.
   *
   * @param id What the step is called.
   * @param work Finds out.
   * @returns What later steps build on, if it went well enough.
   */
  async take<T>(
    id: string,
    work: () => Promise<Finding<T>>,
  ): Promise<T | undefined> {
    const begin = this.#options.elapsed();
    this.#remarks = [];
    let finding: Finding<T>;
    try {
      finding = await work();
    } catch (error) {
      finding = {
        status: "failed",
        detail: reasonOf(error),
        advice: ["run the doctor again; if it stays so, please report it"],
      };
    }
    const step = this.#keep({
      id,
      status: finding.status ?? "ok",
      elapsedMs: this.#options.elapsed() - begin,
      detail: finding.detail,
      // The log of a failure says again what the step says.
      advice: finding.status === "failed"
        ? finding.advice ?? []
        : [...finding.advice ?? [], ...this.#remarks],
      facts: finding.facts ?? {},
    });
    await this.#options.onStep?.(step);
    return finding.value;
  }

  /** Leaves steps out, with the reason. When quiet, nobody is told of them. */
  async skip(
    ids: readonly string[],
    because: string,
    { isQuiet = false }: { isQuiet?: boolean } = {},
  ): Promise<void> {
    for (const id of ids) {
      const step = this.#keep({
        id,
        status: "skipped",
        elapsedMs: 0,
        detail: because,
        advice: [],
        facts: {},
      });
      if (!isQuiet) await this.#options.onStep?.(step);
    }
  }

  #keep(step: Step): Step {
    const { redact } = this.#options;
    const clean = (text: string) => plain(redact(text));
    const shown: Step = {
      ...step,
      elapsedMs: Math.round(step.elapsedMs * 10) / 10,
      detail: clean(step.detail),
      advice: [...new Set(step.advice)].map(clean),
      facts: Object.fromEntries(
        Object.entries(step.facts).map(([name, value]) => [
          name,
          typeof value === "string"
            ? clean(value)
            : Array.isArray(value)
            ? value.map(clean)
            : value,
        ]),
      ),
    };
    this.steps.push(shown);
    return shown;
  }
}

/** On one line, and without what would command a terminal. */
function plain(text: string): string {
  return text.replace(/\s+/g, " ")
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, "?").trim();
}

const MARKS: { readonly [status in StepStatus]: string } = {
  ok: "✓",
  failed: "✗",
  note: "!",
  skipped: "-",
};

/** ANSI: green, red, yellow, grey. */
const COLORS: { readonly [status in StepStatus]: number } = {
  ok: 32,
  failed: 31,
  note: 33,
  skipped: 90,
};

const NAME_WIDTH = 13;
const TIME_WIDTH = 8;

/**
 * A step as lines of text.
 *
 * @param step The step.
 * @param useColor Whether its mark is coloured.
 * @returns Lines, each with its newline.
 */
export function stepText(step: Step, useColor: boolean): string {
  const { id, status, elapsedMs, detail, advice } = step;
  const mark = markOf(status, useColor);
  const time = status === "skipped" ? "skipped" : timeText(elapsedMs);
  const head = `${mark} ${id.padEnd(NAME_WIDTH)}${time.padStart(TIME_WIDTH)}`;
  const indent = " ".repeat(2 + NAME_WIDTH + TIME_WIDTH + 2);
  return [`${head}  ${detail}`, ...advice.map((line) => `${indent}→ ${line}`)]
    .map((line) => `${line}\n`).join("");
}

/**
 * The line in place of the steps after one without which there are none.
 *
 * @param useColor Whether its mark is coloured.
 * @returns A line with its newline.
 */
export function othersText(useColor: boolean): string {
  return `${markOf("skipped", useColor)} the other steps were not tried\n`;
}

function markOf(status: StepStatus, useColor: boolean): string {
  return useColor
    ? `\x1b[${COLORS[status]}m${MARKS[status]}\x1b[0m`
    : MARKS[status];
}

/**
 * The last line.
 *
 * @param steps All steps.
 * @returns A line with its newline.
 */
export function summaryText(steps: readonly Step[]): string {
  const count = (status: StepStatus) =>
    steps.filter((step) => step.status === status).length;
  if (count("failed") === 0) return "\nAll is well.\n";
  const skipped = count("skipped");
  return `\n${count("failed")} of ${steps.length} steps failed` +
    (skipped === 0 ? ".\n" : `, ${skipped} could not be tried.\n`);
}

function timeText(elapsedMs: number): string {
  return elapsedMs < 10_000
    ? `${Math.round(elapsedMs)} ms`
    : `${(elapsedMs / 1000).toFixed(1)} s`;
}
