/**
 * What is asked and what becomes of it, as a seed says: both depend on the
 * request's number alone, not on when it arrives.
 */

import { modern } from "../support/stream/modern_message.ts";
import { Random } from "../support/random.ts";
import type { Layer } from "./layers.ts";
import type { Fate, SoakEra, Surface } from "./fate.ts";
import { FATES } from "./fates.ts";

/** What a run is made of. */
export interface SoakRun {
  readonly seed: number;
  readonly era: SoakEra;
  /** The target's era, where the proxy is a bridge. */
  readonly targetEra?: SoakEra;
  readonly surface: Surface;
  /** Whether each fate is met as often as any other. */
  readonly isEven?: boolean;
}

/** A request of the client's. */
export interface PlannedRequest {
  readonly number: number;
  readonly message: {
    readonly jsonrpc: "2.0";
    readonly id: number | string;
    readonly method: string;
    readonly params: Readonly<Record<string, unknown>>;
  };
  /** Whether running it twice does no harm. */
  readonly isIdempotent: boolean;
  /** Whether the client cancels it as soon as it is sent. */
  readonly isCancelled: boolean;
  /** Whether the client sends a notification before it. */
  readonly isNotified: boolean;
}

/** What draws of one request are independent of. */
const ASKED = 1;
const MET = 2;

/** The tools of the target: the first changes something, the second does not. */
export const SOAK_TOOLS = [
  { name: "write", inputSchema: { type: "object" } },
  {
    name: "read",
    inputSchema: { type: "object" },
    annotations: { readOnlyHint: true },
  },
] as const;

interface Kind {
  readonly share: number;
  readonly isIdempotent: boolean;
  readonly method: string;
  readonly params: (number: number) => Readonly<Record<string, unknown>>;
}

const call = (name: string): Kind["params"] => (number) => ({
  name,
  arguments: { number },
});

const KINDS: readonly Kind[] = [
  {
    share: 0.6,
    isIdempotent: false,
    method: "tools/call",
    params: call("write"),
  },
  {
    share: 0.2,
    isIdempotent: true,
    method: "tools/call",
    params: call("read"),
  },
  {
    share: 0.12,
    isIdempotent: true,
    method: "resources/read",
    params: (number) => ({ uri: `soak://${number}` }),
  },
  {
    share: 0.08,
    isIdempotent: true,
    method: "prompts/get",
    params: (number) => ({ name: `prompt ${number}` }),
  },
];

/** The request of a number. */
export function requestOf(
  { seed, era, surface }: SoakRun,
  number: number,
  { argumentsOf }: Pick<Layer, "argumentsOf"> = {},
): PlannedRequest {
  const random = new Random(seed, ASKED, number);
  let left = random.below(1000) / 1000;
  const kind = KINDS.find(({ share }) => (left -= share) < 0) ?? KINDS[0];
  const token = random.chance(0.5) ? { progressToken: `t${number}` } : {};
  const { arguments: given, ...others } = kind.params(number);
  // A large one is still being sent when a target is gone.
  const filler = random.chance(0.02) ? "x".repeat(300_000) : undefined;
  const params = given
    ? {
      ...others,
      arguments: { ...Object(given), ...argumentsOf?.(number), filler },
    }
    : others;
  return {
    number,
    message: {
      jsonrpc: "2.0",
      id: random.chance(0.5) ? number : `r${number}`,
      method: kind.method,
      params: era === "modern"
        ? modern(params, token)
        : { ...params, _meta: token },
    },
    isIdempotent: kind.isIdempotent,
    isCancelled: surface === "stdio" && random.chance(0.01),
    isNotified: surface === "stdio" && random.chance(0.05),
  };
}

/** The number of a request, by its ID. */
export function numberOf(id: unknown): number {
  return typeof id === "number" ? id : Number(String(id).slice(1));
}

/** A fate with its name, and the choices that are left to it. */
export interface MetFate {
  readonly name: string;
  readonly fate: Fate;
  readonly random: Random;
}

/** What may be met in a run, by name. */
export function fatesOf(
  { era: ofClient, targetEra: era = ofClient, surface }: SoakRun,
): ReadonlyMap<string, Fate> {
  return new Map(
    Object.entries(FATES).filter(([, fate]) =>
      (fate.era ?? era) === era && (fate.surface ?? surface) === surface
    ),
  );
}

/** What a request meets when it arrives for the n-th time, from 0. */
export function fateOf(
  run: SoakRun,
  number: number,
  arrival: number,
): MetFate {
  const random = new Random(run.seed, MET, number, arrival);
  const possible = [...fatesOf(run)];
  if (run.isEven) {
    const [name, fate] = random.pick(possible);
    return { name, fate, random };
  }
  const sum = possible.reduce((sum, [, { weight }]) => sum + weight, 0);
  let left = random.below(sum * 10) / 10;
  const [name, fate] =
    possible.find(([, { weight }]) => (left -= weight) < 0) ??
      possible[0];
  return { name, fate, random };
}
