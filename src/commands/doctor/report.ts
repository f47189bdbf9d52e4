/**
 * What the doctor found, step by step: as text for people, as JSON for
 * programs.
 *
 * @module
 */

import type { Redact } from "../../redact/redact.ts";
import { reasonOf } from "../../limit.ts";

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

/** A fault, and what to do about it. */
export function failed(detail: string, ...advice: string[]): Finding<never> {
  return { status: "failed", detail, advice };
}

/** What is no fault, but worth knowing. */
export function note(detail: string, ...advice: string[]): Finding<never> {
  return { status: "note", detail, advice };
}

/** The steps, as they are taken. */
export class Report {
  readonly steps: Step[] = [];
  readonly #redact: Redact;
  readonly #onStep: (step: Step) => Promise<void>;
  #remarks: string[] = [];

  /**
   * @param redact Takes the secrets out of a text.
   * @param onStep Is told of each step as soon as it is over.
   */
  constructor(redact: Redact, onStep: (step: Step) => Promise<void>) {
    this.#redact = redact;
    this.#onStep = onStep;
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
   * Takes a step. What its work throws is a failure; where it finds nothing,
   * there was no step.
   *
   * @param id What the step is called.
   * @param work Finds out.
   * @returns What later steps build on, if it went well enough.
   */
  async take<T>(
    id: string,
    work: Work<T>,
  ): Promise<T | undefined> {
    const begin = performance.now();
    this.#remarks = [];
    const finding = await attempt(work);
    if (finding === undefined) return undefined;
    const { status = "ok", detail, advice = [], facts = {}, value } = finding;
    const elapsedMs = Math.round((performance.now() - begin) * 10) / 10;
    // The log of a failure says again what the step says.
    const remarks = status === "failed" ? [] : this.#remarks;
    await this.#onStep(this.#add({
      id,
      status,
      elapsedMs,
      detail,
      advice: [...advice, ...remarks],
      facts,
    }));
    return value;
  }

  /** Leaves steps out, with the reason. When quiet, nobody is told of them. */
  async skip(
    ids: readonly string[],
    because: string,
    { isQuiet = false }: { isQuiet?: boolean } = {},
  ): Promise<void> {
    for (const id of ids) {
      const step = this.#add({
        id,
        status: "skipped",
        elapsedMs: 0,
        detail: because,
        advice: [],
        facts: {},
      });
      if (!isQuiet) await this.#onStep(step);
    }
  }

  #add(step: Step): Step {
    const clean = (text: string) => plain(this.#redact(text));
    const facts = Object.entries(step.facts).map(([name, value]) => [
      name,
      typeof value === "string"
        ? clean(value)
        : Array.isArray(value)
        ? value.map(clean)
        : value,
    ]);
    const shown = {
      ...step,
      detail: clean(step.detail),
      advice: [...new Set(step.advice)].map(clean),
      facts: Object.fromEntries(facts),
    };
    this.steps.push(shown);
    return shown;
  }
}

type Work<T> = () =>
  | Finding<T>
  | Promise<Finding<T> | undefined>;

async function attempt<T>(work: Work<T>): Promise<Finding<T> | undefined> {
  try {
    return await work();
  } catch (error) {
    return failed(
      reasonOf(error),
      "run the doctor again; if it stays so, please report it",
    );
  }
}

/** On one line, and without what would command a terminal. */
function plain(text: string): string {
  return text.replace(/\s+/g, " ")
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, "?").trim();
}

/** How a status is marked, and the mark's colour in ANSI. */
const MARKS: {
  readonly [status in StepStatus]: readonly [mark: string, color: number];
} = {
  ok: ["✓", 32],
  failed: ["✗", 31],
  note: ["!", 33],
  skipped: ["-", 90],
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
  const [mark, color] = MARKS[status];
  return useColor ? `\x1b[${color}m${mark}\x1b[0m` : mark;
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
