/** Which tools the client may see and call. */

import { excerpt } from "../../excerpt.ts";
import { Glob } from "../../glob.ts";
import { ProxyError } from "../../errors.ts";
import { asObject } from "../../json.ts";
import { LruCache } from "../../lru_cache.ts";
import type { Naming, OptionNames } from "../../naming.ts";
import type { SingleMessage } from "../wire/message.ts";
import type { ToolRules } from "./rules.ts";

/** How many tools are remembered; the oldest go first. */
const MAX_TOOLS = 10_000;

export interface ToolMemory extends Naming {
  /** From when on it is as good as unknown, in milliseconds. */
  readonly maxAgeMs: number;
  /** Whether tools that do not only read are called elsewhere, if at all. */
  readonly hasWriter?: boolean;
  /** The time in milliseconds; `performance.now` by default. */
  readonly now?: () => number;
}

export class ToolPolicy {
  /** Whether it goes by what the tools say of themselves. */
  readonly usesHints: boolean;
  readonly #allow: readonly Glob[];
  readonly #deny: readonly Glob[];
  readonly #memory: ToolMemory;
  readonly #names: OptionNames;
  #records = new LruCache<{ isReadOnly: boolean; at: number }>(MAX_TOOLS);
  #changes = 0;

  constructor({ readOnly, allow, deny }: ToolRules, memory: ToolMemory) {
    this.#memory = memory;
    this.#names = memory.names;
    this.usesHints = readOnly;
    this.#allow = allow.map((glob) => new Glob(glob));
    this.#deny = deny.flatMap((glob) => [new Glob(glob), new Glob(fold(glob))]);
  }

  /** Whether a tool may be seen; what it says is recorded if it holds now. */
  judge(name: string, isReadOnly: boolean, isCurrent: boolean): boolean {
    const at = this.#now();
    if (isCurrent) this.#records.set(name, { isReadOnly, at });
    return this.#refusalByName(name) === undefined &&
      (!this.usesHints || this.#memory.hasWriter === true || isReadOnly);
  }

  /** Forgets what the tools said of themselves: they may say something else. */
  forget(): void {
    this.#changes++;
    this.#records = new LruCache(MAX_TOOLS);
  }

  /** How often it has forgotten what it had recorded. */
  get changes(): number {
    return this.#changes;
  }

  get isEmpty(): boolean {
    return this.#records.size === 0;
  }

  /** Whether a call can be decided on without asking the target. */
  knows(name: string): boolean {
    return name === "" || !this.usesHints || this.#isFresh(name) ||
      this.#refusalByName(name) !== undefined;
  }

  /** Whether a tool says, as is known by now, that it only reads. */
  readsOnly(name: string): boolean {
    return this.#isFresh(name) && this.#records.get(name)?.isReadOnly === true;
  }

  /**
   * Why a tool may be called nowhere: not here, nor where those are called that
   * do not only read.
   */
  refusalAnywhere(name: string, listFailure?: string): ProxyError | undefined {
    return this.#memory.hasWriter && listFailure === undefined
      ? this.#refusalByName(name)
      : this.refusal(name, listFailure);
  }

  /** Why a tool may not be called; `undefined` when it may. */
  refusal(name: string, listFailure?: string): ProxyError | undefined {
    const byName = this.#refusalByName(name);
    if (byName || !this.usesHints) return byName;
    if (this.readsOnly(name)) return undefined;
    const { readOnly } = this.#names;
    if (this.#isFresh(name) || listFailure === undefined) {
      const why = `${readOnly} allows only tools that say they change nothing`;
      return blocked(name, why);
    }
    const why = `${readOnly} goes by the list of tools, which could not be had`;
    return blocked(name, why, listFailure);
  }

  #isFresh(name: string): boolean {
    const { at = -Infinity } = this.#records.get(name) ?? {};
    return this.#now() - at < this.#memory.maxAgeMs;
  }

  #now(): number {
    return this.#memory.now?.() ?? performance.now();
  }

  #refusalByName(name: string): ProxyError | undefined {
    // Another reader may find a name where there is none to us: "Name".
    if (name === "") {
      return blocked(name, "the call names no tool, or one of too long a name");
    }
    // Another reader may take it for the tool that is forbidden.
    const names = [name, fold(name)];
    if (this.#deny.some((glob) => names.some((one) => glob.matches(one)))) {
      return blocked(name, `${this.#names.denyTool} forbids it`);
    }
    const isAllowed = this.#allow.length === 0 ||
      this.#allow.some((glob) => glob.matches(name));
    if (isAllowed) return undefined;
    return blocked(name, `${this.#names.allowTool} does not name it`);
  }
}

/** A name without case, what nobody sees and white space around it. */
function fold(name: string): string {
  return name.normalize("NFKC").toLowerCase()
    .replace(/[\p{Cc}\p{Cf}]/gu, "").trim();
}

/** Why a call without an ID is not sent: no refusal could be told of it. */
export function unansweredCall(message: SingleMessage): ProxyError | undefined {
  const isOne = message.kind === "notification" &&
    message.method === "tools/call";
  if (!isOne) return undefined;
  return new ProxyError(
    "blocked",
    "a call without an ID cannot be refused, so with a tool policy it is not sent",
  );
}

/** The tool that a call names; a call that names none is for no tool. */
export function toolName(params: unknown): string {
  const { name } = asObject(params);
  return typeof name === "string" ? name : "";
}

function blocked(name: string, why: string, words?: string): ProxyError {
  const tool = excerpt(name);
  const summary = `the tool ${JSON.stringify(tool)} was not called: ${why}`;
  const message = words === undefined ? summary : `${summary}: ${words}`;
  return new ProxyError("blocked", message, { data: { tool }, summary });
}
