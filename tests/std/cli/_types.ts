/** Names of flags; `true` under `boolean` means all that begin with two hyphens. */
export type BooleanNames = boolean | string | undefined;

/** Names of flags. */
export type FlagNames = string | undefined;

/** Values by name. */
export type Defaults = Record<string, unknown> | undefined;

/** Other names by name. */
export type Aliases = Partial<Record<string, string | readonly string[]>>;

type OneOrMore<T> = T | readonly Extract<T, string>[];

/** How arguments are read. */
export interface ParseOptions<
  TBooleans extends BooleanNames = BooleanNames,
  TStrings extends FlagNames = FlagNames,
  TCollectable extends FlagNames = FlagNames,
  TNegatable extends FlagNames = FlagNames,
  TDefault extends Defaults = Defaults,
  TAliases extends Aliases | undefined = Aliases | undefined,
  TDoubleDash extends boolean | undefined = boolean | undefined,
> {
  /** Whether what follows `--` is kept apart, under that name. */
  "--"?: TDoubleDash;
  /** Other names. */
  alias?: TAliases;
  /** Flags without a value; `false` unless given. */
  boolean?: OneOrMore<TBooleans>;
  /** Values of flags that are not given. */
  default?: TDefault;
  /** Whether the first positional argument makes all that follow positional. */
  stopEarly?: boolean;
  /** Flags whose value is never read as a number; `_` for the positional ones. */
  string?: OneOrMore<TStrings>;
  /** Flags that can be repeated. */
  collect?: OneOrMore<TCollectable>;
  /** Flags that `--no-` turns off. */
  negatable?: OneOrMore<TNegatable>;
  /** Asked about each argument that no option names: `false` drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The literal names among some: no `string`, nothing dotted, not `_`. */
type Literal<T> = T extends string
  ? string extends T ? never : T extends "_" | `${string}.${string}` ? never : T
  : never;

type Single<T, TCollectable> = Exclude<Literal<T>, Literal<TCollectable>>;
type Repeated<T, TCollectable> = Literal<T> & Literal<TCollectable>;
type Off<TName, TNegatable> = TName extends TNegatable ? false : never;

/** The values of the flags that the options name; all others are unknown. */
export type Values<TBooleans, TStrings, TCollectable, TNegatable, TDefault> =
  & Record<string, unknown>
  & { [Name in Single<TBooleans, TCollectable>]: boolean }
  & { [Name in Repeated<TBooleans, TCollectable>]: boolean[] }
  & {
    [Name in Repeated<TStrings, TCollectable>]:
      | string[]
      | Off<Name, TNegatable>;
  }
  & {
    [Name in Exclude<Single<TStrings, TCollectable>, keyof TDefault>]?:
      | string
      | Off<Name, TNegatable>;
  }
  & {
    [Name in Single<TStrings, TCollectable> & keyof TDefault]:
      | string
      | TDefault[Name]
      | Off<Name, TNegatable>;
  };

/** What {@linkcode parseArgs} returns. */
export type Args<
  TArgs extends Record<string, unknown> = Record<string, unknown>,
  TDoubleDash extends boolean | undefined = undefined,
> =
  & TArgs
  & {
    /** The positional arguments. */
    _: (string | number)[];
  }
  & (boolean extends TDoubleDash ? { "--"?: string[] }
    : true extends TDoubleDash ? { "--": string[] }
    : unknown);
