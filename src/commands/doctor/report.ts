/**
 * What the doctor found, step by step: as text for people, as JSON for
 * programs.
 */

import type { Config } from "../../config/config.ts";
import type { Log } from "../../log/log.ts";
import type { Redact } from "../../redact/redact.ts";
import type { CommandContext } from "../context.ts";
import type { Surroundings } from "../target.ts";
import type { RefusalCause } from "../../aws/refusals/table.ts";
import { type ErrorData, type ErrorReason, reasonOf } from "../../errors.ts";

export interface Checkup extends Surroundings {
  readonly context: CommandContext;
  readonly config: Config;
  readonly report: Report;
  /** How long any one step may wait for an answer. */
  readonly limitMs: number;
}

/** How a step went. A note is no fault; what was skipped could not be tried. */
type StepStatus = "ok" | "failed" | "note" | "skipped";

export interface Step {
  readonly id: string;
  readonly status: StepStatus;
  readonly elapsedMs: number;
  readonly detail: string;
  /** What to do, or what else to know: a sentence each. */
  readonly advice: readonly string[];
  /** For programs. `undefined` ones are left out. */
  readonly facts: { readonly [name: string]: unknown };
}

/** What a step's work gives. */
export interface Finding<T = undefined>
  extends Partial<Pick<Step, "advice" | "facts">> {
  /** Default: `ok`. */
  readonly status?: "ok" | "failed" | "note";
  readonly detail: string;
  /** What later steps build on. */
  readonly value?: T;
}

export function failed(detail: string, ...advice: string[]): Finding<never> {
  return { status: "failed", detail, advice };
}

export function note(detail: string, ...advice: string[]): Finding<never> {
  return { status: "note", detail, advice };
}

/** What was found with an identity beside the first. */
export function named<T>(
  kind: "profile" | "role",
  name: string,
  found: Finding<T>,
): Finding<T> {
  const facts = { ...found.facts, [kind]: name };
  return { ...found, detail: `${name}: ${found.detail}`, facts };
}

export class Report {
  readonly steps: Step[] = [];
  /** What the proxy's parts warn of is said with the step that it concerns. */
  readonly log: Log;
  readonly #redact: Redact;
  readonly #onStep: (step: Step) => Promise<void>;
  #warnings: string[] = [];

  constructor(redact: Redact, onStep: (step: Step) => Promise<void>) {
    this.#redact = redact;
    this.#onStep = onStep;
    const warn = (text: string) => void this.#warnings.push(text);
    this.log = { debug() {}, info() {}, warn, error: warn };
  }

  get isWell(): boolean {
    return this.steps.every(({ status }) => status !== "failed");
  }

  /**
   * Takes a step. What its work throws is a failure; where it finds nothing,
   * there was no step.
   *
   * @param explain What an error means, where it is of a kind that is known.
   */
  async take<T>(
    id: string,
    work: () => Finding<T> | Promise<Finding<T> | undefined>,
    explain: (error: unknown) => Finding<T> | undefined = () => undefined,
  ): Promise<T | undefined> {
    const begin = performance.now();
    this.#warnings = [];
    let finding: Finding<T> | undefined;
    try {
      finding = await work();
    } catch (error) {
      finding = explain(error) ?? failed(
        reasonOf(error),
        "run the doctor again; if it stays so, please report it",
      );
    }
    if (finding === undefined) return undefined;
    const { status = "ok", detail, advice = [], facts = {}, value } = finding;
    const elapsedMs = Math.round((performance.now() - begin) * 10) / 10;
    // The log of a failure says again what the step says.
    const warnings = status === "failed" ? [] : this.#warnings;
    const said = [...advice, ...warnings];
    await this.#add({ id, status, elapsedMs, detail, advice: said, facts });
    return value;
  }

  async skip(ids: readonly string[], detail: string): Promise<void> {
    const step = { status: "skipped", elapsedMs: 0, detail } as const;
    for (const id of ids) {
      await this.#add({ ...step, id, advice: [], facts: {} });
    }
  }

  async #add(step: Step): Promise<void> {
    const shown: Step = JSON.parse(
      JSON.stringify({ ...step, advice: [...new Set(step.advice)] }),
      // On one line, and without what would command a terminal.
      (_name, value) =>
        typeof value === "string"
          ? this.#redact(value).replace(/\s+/g, " ")
            .replace(/[\p{Cc}\p{Bidi_Control}]/gu, "?").trim()
          : value,
    );
    this.steps.push(shown);
    await this.#onStep(shown);
  }
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

/** A step as lines of text, each with its newline. */
export function stepText(step: Step, useColor: boolean): string {
  const { id, status, elapsedMs, detail, advice } = step;
  const mark = markOf(status, useColor);
  const time = status === "skipped"
    ? "skipped"
    : elapsedMs < 10_000
    ? `${Math.round(elapsedMs)} ms`
    : `${(elapsedMs / 1000).toFixed(1)} s`;
  const head = `${mark} ${id.padEnd(NAME_WIDTH)}${time.padStart(TIME_WIDTH)}`;
  const indent = " ".repeat(2 + NAME_WIDTH + TIME_WIDTH + 2);
  return [`${head}  ${detail}`, ...advice.map((line) => `${indent}→ ${line}`)]
    .map((line) => `${line}\n`).join("");
}

/** The line in place of the steps after one without which there are none. */
export function othersText(useColor: boolean): string {
  return `${markOf("skipped", useColor)} the other steps were not tried\n`;
}

function markOf(status: StepStatus, useColor: boolean): string {
  const [mark, color] = MARKS[status];
  return useColor ? `\x1b[${color}m${mark}\x1b[0m` : mark;
}

/** The last line, with its newline. */
export function summaryText(steps: readonly Step[]): string {
  const count = (status: StepStatus) =>
    steps.filter((step) => step.status === status).length;
  if (count("failed") === 0) return "\nAll is well.\n";
  const skipped = count("skipped");
  return `\n${count("failed")} of ${steps.length} steps failed` +
    (skipped === 0 ? ".\n" : `, ${skipped} could not be tried.\n`);
}

/** AWS Signature Version 4, "Time-based authentication": five minutes. */
export const SET_CLOCK =
  "set this machine's clock: AWS allows for five minutes";

export const TARGET_LOG = "the target's own log says more";

const WRONG_PLACE =
  "check the path of the target URL: what is there may be no MCP server";

const OF_CAUSES: {
  readonly [name in RefusalCause | "wrong-algorithm" | ErrorReason]?: string;
} = {
  "clock-skew": SET_CLOCK,
  "wrong-scope": "region and service name are the target's own: without the " +
    "two options they are read off its host",
  "wrong-algorithm": "without --sig-version and AWS_SIG_VERSION the version " +
    "is v4, or what an AWS host is known to take",
  "signature-mismatch": "`aws sts get-caller-identity` shows whether the " +
    "credentials themselves are sound",
  "missing-signature": WRONG_PLACE,
  "signature": "sigv4-proxy policy prints what has to be allowed",
  "credentials":
    "renew the credentials, or take a profile with others: --profile",
  "bad-answer": WRONG_PLACE,
  "http-status": WRONG_PLACE,
  "no-answer": WRONG_PLACE,
  "stream-cut": "look for a time limit of a load balancer before the target",
  "unreachable":
    "the steps before this one say how far the way is open; a target that " +
    "closes it now may want --client-cert and --client-key",
};

const HINTS = new Map<unknown, string>(Object.entries(OF_CAUSES));

/** Where to look after an error; a sentence each, none of them its own. */
export function hintsFor({ reason, cause, unsigned }: ErrorData): string[] {
  // What AWS refuses of an unsigned request is that it has no signature.
  if (unsigned === true) {
    return [
      "leave out --skip-auth: then the step credentials says where it looked",
    ];
  }
  const hint = HINTS.get(cause) ?? HINTS.get(reason) ?? TARGET_LOG;
  return reason === "http-status" ? [hint, TARGET_LOG] : [hint];
}
