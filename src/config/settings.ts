/** Flags, variables and defaults → one value for each option. */

import { excerpt } from "../excerpt.ts";
import type { LogNote } from "../log/log.ts";
import type { OptionNames } from "../naming.ts";
import { readEnv } from "../permissions.ts";
import {
  type Env,
  hintFor,
  type Option,
  optionName,
  parseValue,
  type SettingOf,
  variablesOf,
} from "./option.ts";
import { OPTION_KEYS, type OptionKey, OPTIONS } from "./options.ts";

export type Settings = {
  readonly [Key in OptionKey]: SettingOf<typeof OPTIONS[Key]>;
};

/** The two usual ways to set an option. */
const both = ({ names: [flag, variable] }: Option) => `${flag} (${variable})`;

/** What errors of the parts below call the options of the command. */
export const FLAG_NAMES: OptionNames = {
  accountRole: both(OPTIONS.accountRole),
  allowAccount: both(OPTIONS.allowAccount),
  allowRole: both(OPTIONS.allowRole),
  allowTool: both(OPTIONS.allowTool),
  assumeRole: both(OPTIONS.assumeRole),
  caCert: both(OPTIONS.caCert),
  clientCert:
    "--client-cert and --client-key (MCP_CLIENT_CERT, MCP_CLIENT_KEY)",
  connectTimeoutMs: both(OPTIONS.connectTimeoutMs),
  denyTool: both(OPTIONS.denyTool),
  header: "--header",
  idleTimeoutMs: both(OPTIONS.idleTimeoutMs),
  listen: "--listen or MCP_LISTEN",
  login: "--login",
  maxAnswerBytes: both(OPTIONS.maxAnswerBytes),
  maxBodyBytes: both(OPTIONS.maxFrameBytes),
  maxFrameBytes: both(OPTIONS.maxFrameBytes),
  noToken: "--no-listen-token",
  onlyRead: "--read-only",
  profile: "--profile",
  profiles: both(OPTIONS.profile),
  readOnly: both(OPTIONS.readOnly),
  record: "--record or MCP_RECORD",
  recordMaxBytes: both(OPTIONS.recordMaxBytes),
  region: "--region",
  service: "--service-name",
  signatureVersion: "--sig-version",
  timeoutMs: both(OPTIONS.timeoutMs),
  token: "--listen-token or MCP_LISTEN_TOKEN",
  transportSse: "--transport sse (MCP_TRANSPORT)",
  unsignedPayload: both(OPTIONS.unsignedPayload),
  writeRole: both(OPTIONS.writeRole),
};

/** Where the value of an option is from. */
export interface Source {
  readonly kind: "flag" | "variable" | "default";
  /** The flag with its hyphens, or the variable; empty for a default. */
  readonly name: string;
  /** What is said there, as a flag would say it. */
  readonly texts: readonly string[];
}

const EMPTY_LIST = {
  text: ",",
  expected: "a list with something between the commas",
} as const;

/** The options, read, and what the checks of them find. */
export class ParsedOptions {
  /** The value of each. Those with a fault have their default. */
  readonly settings: Settings;
  /** Where each is from. */
  readonly sources = new Map<OptionKey, Source>();
  /** The options whose value could not be read. */
  readonly unread = new Set<OptionKey>();
  /** The variables that would have counted, had Deno not forbidden to read them. */
  readonly forbidden: string[] = [];
  /** What is wrong, a sentence each. */
  readonly faults: string[] = [];
  /** What a person should know. */
  readonly notes: LogNote[] = [];
  /** The variables that values name. */
  readonly variables = new Set<string>();
  /** What values hold from variables and files, and is not to be shown. */
  readonly secrets = new Set<string>();

  /**
   * Reads every option: a flag goes before a variable, a variable before the
   * default. A variable that is empty counts as not set.
   */
  constructor(
    flags: ReadonlyMap<OptionKey, readonly string[]>,
    readonly env: Env,
  ) {
    const values: Partial<Record<OptionKey, unknown>> = {};
    for (const key of OPTION_KEYS) {
      values[key] = this.#read(key, flags.get(key));
    }
    // The type of each value follows from the kind by which it was read.
    this.settings = values as Settings;
  }

  /** Whether an option has a value that is no default. */
  isGiven(key: OptionKey): boolean {
    return (this.sources.get(key)?.kind ?? "default") !== "default";
  }

  /** The flag or the variable that an option is from. */
  nameOf(key: OptionKey): string {
    return this.sources.get(key)?.name ?? "";
  }

  /** Adds what is wrong with an option, and how to set it. */
  fault(key: OptionKey, words: string): undefined {
    this.faults.push(`${words} (${hintFor(OPTIONS[key])})`);
  }

  #read(key: OptionKey, given: readonly string[] | undefined): unknown {
    const option: Option = OPTIONS[key];
    const byDefault = option.default === undefined
      ? []
      : [String(option.default)];
    const source: Source = given === undefined
      ? this.#variable(option) ??
        { kind: "default", name: "", texts: byDefault }
      : { kind: "flag", name: option.names[0], texts: given };
    this.sources.set(key, source);
    const isVariable = source.kind === "variable";
    // Commas alone would lift a rule that somebody meant to set.
    const result = isVariable && source.texts.length === 0
      ? EMPTY_LIST
      : parseValue(option, source.texts);
    if ("value" in result) return result.value;
    this.unread.add(key);
    const place = isVariable ? ` in ${source.name}` : "";
    const got = option.secret ? "" : `, got ${quote(result.text)}${place}`;
    this.fault(key, `${optionName(option)} must be ${result.expected}${got}`);
    const other = parseValue(option, byDefault);
    return "value" in other ? other.value : undefined;
  }

  #variable(option: Option): Source | undefined {
    for (const name of variablesOf(option)) {
      const value = this.env(name);
      if (value === undefined && !readEnv(name).allowed) {
        this.forbidden.push(name);
      }
      const text = value?.trim() ?? "";
      if (text === "") continue;
      // Claude Code's, in milliseconds: how long servers may take to start.
      if (name === "MCP_TIMEOUT" && /^[1-9]\d*$/.test(text)) {
        const message = `${name} has no unit, and is taken for another ` +
          "program's: it sets no limit here (write 30s, say, to set one)";
        this.notes.push({ level: "warn", message });
        continue;
      }
      const texts = option.kind === "list"
        ? text.split(",").map((part) => part.trim()).filter((part) => part)
        : [text];
      return { kind: "variable", name, texts };
    }
  }
}

const SHOWN_LENGTH = 60;

/** A text from outside in a form fit for one line of an error. */
export function quote(text: string): string {
  // Nobody sees them, and they are what is wrong.
  const plain = text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu,
    (character) => {
      const code = character.codePointAt(0)?.toString(16).toUpperCase();
      return `<U+${code?.padStart(4, "0")}>`;
    },
  );
  return `'${excerpt(plain, SHOWN_LENGTH)}'`;
}
