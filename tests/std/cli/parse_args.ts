import type {
  Aliases,
  Args,
  BooleanNames,
  Defaults,
  FlagNames,
  ParseOptions,
  Values,
} from "./_types.ts";

export type { Args, ParseOptions };

/** Reads command line arguments. */
export function parseArgs<
  TBooleans extends BooleanNames = undefined,
  TStrings extends FlagNames = undefined,
  TCollectable extends FlagNames = undefined,
  TNegatable extends FlagNames = undefined,
  TDefault extends Defaults = undefined,
  TAliases extends Aliases | undefined = undefined,
  TDoubleDash extends boolean | undefined = undefined,
>(
  args: readonly string[],
  options?: ParseOptions<
    TBooleans,
    TStrings,
    TCollectable,
    TNegatable,
    TDefault,
    TAliases,
    TDoubleDash
  >,
): Args<
  Values<TBooleans, TStrings, TCollectable, TNegatable, TDefault>,
  TDoubleDash
>;
export function parseArgs(
  args: readonly string[],
  options: ParseOptions = {},
): Tree {
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  const after = end < 0 ? [] : args.slice(end + 1);
  const parser = new Parser(before, options);
  parser.run();
  return parser.finish(after);
}

interface Tree {
  [name: string]: unknown;
}

type Value = string | number | boolean;

class Parser {
  readonly #args: readonly string[];
  readonly #options: ParseOptions;
  readonly #aliases: ReadonlyMap<string, readonly string[]>;
  readonly #booleans: ReadonlySet<string>;
  readonly #strings: ReadonlySet<string>;
  readonly #collected: ReadonlySet<string>;
  readonly #negatable: ReadonlySet<string>;
  readonly #tree: Tree = { _: [] };
  /** Where the argument after the current one is. */
  #next = 0;

  constructor(args: readonly string[], options: ParseOptions) {
    this.#args = args;
    this.#options = options;
    this.#aliases = aliasesOf(options.alias ?? {});
    this.#booleans = this.#flags(options.boolean);
    this.#strings = this.#flags(options.string);
    this.#collected = this.#flags(options.collect);
    this.#negatable = this.#flags(options.negatable);
  }

  run(): void {
    while (this.#next < this.#args.length) {
      const arg = this.#args[this.#next++];
      if (arg.startsWith("--")) {
        this.#long(arg);
      } else if (arg.startsWith("-") && arg !== "-") {
        this.#short(arg);
      } else {
        this.#plain(arg);
      }
    }
  }

  finish(after: readonly string[]): Tree {
    for (const [name, value] of Object.entries(this.#options.default ?? {})) {
      if (!has(this.#tree, name)) this.#put(name, value);
    }
    for (const name of this.#booleans) {
      if (has(this.#tree, name)) continue;
      put(this.#tree, name, this.#collected.has(name) ? [] : false);
    }
    for (const name of this.#strings) {
      if (!this.#collected.has(name) || has(this.#tree, name)) continue;
      put(this.#tree, name, []);
    }
    if (this.#options["--"]) {
      this.#tree["--"] = after;
    } else {
      this.#positional(...after);
    }
    return this.#tree;
  }

  #flags(option: BooleanNames | readonly string[]): Set<string> {
    const names = typeof option === "string" ? [option] : option || [];
    if (names === true) return new Set();
    return new Set(
      names.filter((name) => name !== "")
        .flatMap((name) => [name, ...this.#aliases.get(name) ?? []]),
    );
  }

  /** `--name`, `--name=value`, `--name value`, `--no-name`. */
  #long(arg: string): void {
    const negated = arg.startsWith("--no-") && arg.length > "--no-".length;
    const text = arg.slice(negated ? "--no-".length : "--".length);
    const equals = text.indexOf("=", 1);
    if (equals >= 0) {
      const name = text.slice(0, equals);
      const value = text.slice(equals + 1);
      this.#set(
        name,
        this.#booleans.has(name) ? value !== "false" : value,
        arg,
      );
      return;
    }
    if (negated && this.#negatable.has(text)) {
      if (this.#wanted(text, false, arg)) this.#put(text, false);
      return;
    }
    const name = negated ? `no-${text}` : text;
    const bare = this.#options.boolean === true || this.#booleans.has(name);
    this.#set(name, this.#following(bare, /^-/) ?? this.#bare(name), arg);
  }

  /** `-a`, `-abc`, `-a value`, `-avalue`, `-a=value`. */
  #short(arg: string): void {
    const last = arg.length - 1;
    for (let at = 1; at < last; at++) {
      const name = arg[at];
      const value = attached(name, arg.slice(at + 1));
      this.#set(name, value ?? this.#bare(name), arg);
      if (value !== undefined) return;
    }
    const name = arg[last];
    if (name === "-") return;
    const value = this.#following(this.#booleans.has(name), /^--?[^-]/);
    this.#set(name, value ?? this.#bare(name), arg);
  }

  #plain(arg: string): void {
    if (this.#options.unknown?.(arg) !== false) {
      this.#positional(this.#strings.has("_") ? arg : numeric(arg));
    }
    if (this.#options.stopEarly) {
      this.#positional(...this.#args.slice(this.#next));
      this.#next = this.#args.length;
    }
  }

  #positional(...args: (string | number)[]): void {
    const list = this.#tree["_"];
    if (!Array.isArray(list)) {
      throw new TypeError("--_ leaves no list to add to");
    }
    list.push(...args);
  }

  /** The next argument, taken if it is a value; a bare flag's can only be a boolean. */
  #following(bare: boolean, flag: RegExp): string | boolean | undefined {
    const next = this.#args[this.#next];
    if (!next) return undefined;
    if (!bare && !flag.test(next)) {
      this.#next++;
      return next;
    }
    if (next !== "true" && next !== "false") return undefined;
    this.#next++;
    return next === "true";
  }

  /** The value of a flag that came without one. */
  #bare(name: string): Value {
    return this.#strings.has(name) ? "" : true;
  }

  #set(name: string, value: Value, arg: string): void {
    if (!this.#wanted(name, value, arg)) return;
    const read = typeof value === "string" && !this.#strings.has(name)
      ? numeric(value)
      : value;
    this.#put(name, read, this.#collected.has(name));
  }

  #wanted(name: string, value: Value, arg: string): boolean {
    return this.#aliases.has(name) || this.#booleans.has(name) ||
      this.#strings.has(name) || this.#collected.has(name) ||
      this.#options.boolean === true && /^--[^=]+$/.test(arg) ||
      this.#options.unknown?.(arg, name, value) !== false;
  }

  #put(name: string, value: unknown, collect = false): void {
    put(this.#tree, name, value, collect);
    for (const alias of this.#aliases.get(name) ?? []) {
      put(this.#tree, alias, value, collect);
    }
  }
}

/** Every name that has others, with those others. */
function aliasesOf(aliases: Aliases): Map<string, readonly string[]> {
  const all = new Map<string, readonly string[]>();
  for (const [name, others] of Object.entries(aliases)) {
    if (others === undefined) throw new TypeError(`${name} has no alias`);
    const group = [name, ...typeof others === "string" ? [others] : others];
    for (const one of group) {
      all.set(one, group.filter((other) => other !== one));
    }
  }
  return all;
}

/** The value that follows a letter within one argument, if `rest` is one. */
function attached(name: string, rest: string): string | undefined {
  if (rest === "-") return rest;
  if (rest === "=") return "";
  if (/[A-Za-z]/.test(name)) {
    const value = /=(.+)/.exec(rest)?.[1];
    if (value !== undefined) return value;
    if (/\d(\.\d*)?(e-?\d+)?$/.test(rest)) return rest;
  }
  return rest.length > 1 && /^\W/.test(rest) ? rest : undefined;
}

function numeric(text: string): string | number {
  const number = text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(number) ? number : text;
}

/** Sets what a dotted name leads to, and never what all objects share. */
function put(tree: Tree, name: string, value: unknown, collect = false): void {
  const path = name.split(".");
  const last = path.pop() ?? "";
  let at = tree;
  for (const part of path) {
    if (isShared(at, part)) return;
    at = branch(at, part);
  }
  if (isShared(at, last)) return;
  if (!collect) {
    at[last] = value;
    return;
  }
  const before = at[last];
  if (Array.isArray(before)) {
    before.push(value);
    return;
  }
  at[last] = before ? [before, value] : [value];
}

function branch(tree: Tree, name: string): Tree {
  const below = tree[name] ??= {};
  if (isTree(below)) return below;
  throw new TypeError(`${name} has a value, so nothing can be below it`);
}

function has(tree: Tree, name: string): boolean {
  let at: unknown = tree;
  return name.split(".").every((part) => {
    if (!isTree(at) || !Object.hasOwn(at, part)) return false;
    at = at[part];
    return true;
  });
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null ||
    typeof value === "function";
}

function isShared(tree: Tree, name: string): boolean {
  return name === "__proto__" ||
    name === "constructor" && typeof tree[name] === "function";
}
