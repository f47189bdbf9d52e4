/**
 * What a subcommand is handed: the world it works in.
 *
 * @module
 */

import {
  type Need,
  notGranted,
  readEnv,
} from "../aws/credentials/permissions.ts";
import {
  createCredentialSource,
  type CredentialSource,
} from "../aws/credentials/credentials.ts";
import {
  createSignedFetch,
  type SignedFetch,
} from "../aws/signing/signed_fetch.ts";
import type { Config, ConfigDeps } from "../config/config.ts";
import { credentialOptions, signingOptions } from "../config/identity.ts";
import type { Log } from "../log/log.ts";
import type { TlsFetches } from "../net/http_client.ts";
import type { Redactor } from "../redact/redact.ts";
import type { ProfileRegion } from "../config/scope.ts";
import manifest from "../../deno.json" with { type: "json" };

/** What the parts that talk to AWS share. */
export interface Surroundings {
  readonly log: Log;
  readonly redactor: Redactor;
  /** The ways to the network. */
  readonly ways: Ways;
}

/** What sends requests, where the global `fetch` will not do. */
export type Ways = Disposable & Partial<TlsFetches>;

/** How this very program is started. */
export interface Program {
  /** The executable: Deno, or the compiled program. */
  readonly command: string;
  /** What Deno is to run; none for a compiled program. */
  readonly module: string | undefined;
}

/** What a subcommand is handed. */
export interface CommandContext {
  /** Looks up a variable; one that may not be read is as good as not set. */
  readonly env: (name: string) => string | undefined;
  /** The region of a profile in the shared files. */
  readonly profileRegion: ProfileRegion;
  /** The AWS CLI's file of certificates. */
  readonly findCaBundle?: ConfigDeps["findCaBundle"];
  /** Writes to stdout. */
  readonly write: (text: string) => Promise<void>;
  /** Writes to stderr. */
  readonly writeError: (text: string) => Promise<void>;
  /** Whether stdout is a terminal that is to be coloured. */
  readonly useColor: boolean;
  /** The time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Opens the ways to the network that the configuration asks for. */
  readonly openWays: (config: Config) => Promise<Ways>;
  /** Where credentials come from. */
  readonly createCredentialSource: typeof createCredentialSource;
  /** Those of some permissions that the program was not given. */
  readonly notGranted: (needs: readonly Need[]) => Need[];
  readonly os: typeof Deno.build.os;
  readonly program: Program;
}

/** What only the command itself can say. */
export type OuterContext = Pick<
  CommandContext,
  "env" | "profileRegion" | "findCaBundle" | "write" | "writeError" | "useColor"
>;

/**
 * The world as it is.
 *
 * @param outer What only the command itself can say.
 * @returns What to hand to a subcommand.
 */
export function createContext(outer: OuterContext): CommandContext {
  return {
    ...outer,
    now: () => Date.now(),
    openWays,
    createCredentialSource,
    notGranted: missing,
    os: Deno.build.os,
    program: {
      command: Deno.execPath(),
      module: Deno.build.standalone ? undefined : packageModule(),
    },
  };
}

/** A variable that `--ignore-env` hides is not missed: it reads as not set. */
function missing(needs: readonly Need[]): Need[] {
  return notGranted(needs).filter(({ kind, value }) =>
    kind !== "env" || !readEnv(value).allowed
  );
}

async function openWays({ tls, signHost }: Config): Promise<Ways> {
  if (tls === undefined) return { [Symbol.dispose]() {} };
  const { openTls } = await import("../net/http_client.ts");
  return openTls(tls, { sendsOtherHost: signHost !== undefined });
}

/** What `deno run` is to be given to run this package again. */
export function packageModule(
  here: string = import.meta.url,
): string {
  const main = new URL("../../mod.ts", here);
  if (main.protocol === "file:") return filePath(main);
  if (main.hostname !== "jsr.io") return main.href;
  return `jsr:${manifest.name}@${manifest.version}`;
}

function filePath(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  // file:///C:/dir → C:/dir, which Windows takes.
  return /^\/[A-Za-z]:\//.test(path) ? path.slice(1) : path;
}

/**
 * The credentials that the configuration names.
 *
 * @param context Where credentials come from.
 * @param config What is configured.
 * @param around What the parts share.
 * @param profile Another profile than the configuration's first.
 * @param onFound Told where the credentials are from.
 * @returns Their source; nothing is read yet.
 */
export function credentialsOf(
  context: CommandContext,
  config: Config,
  { log, redactor, ways }: Surroundings,
  profile: string | undefined = config.profile,
  onFound?: (origin: string) => void,
): CredentialSource {
  return context.createCredentialSource({
    ...credentialOptions(config, profile),
    onFound,
    log,
    redactor,
    fetch: ways.toOthers,
  });
}

/**
 * The `fetch` for the target, signing as the proxy does.
 *
 * @param config What is configured.
 * @param credentials Who asks.
 * @param around What the parts share.
 * @returns The `fetch`.
 */
export function openTarget(
  config: Config,
  credentials: CredentialSource,
  { log, redactor, ways }: Surroundings,
): SignedFetch {
  return createSignedFetch({
    ...signingOptions(config),
    credentials,
    fetch: ways.toTarget,
    log,
    redactor,
  });
}

/** The host that a target knows itself by. */
export function knownHost(
  { signHost, targetUrl }: Pick<Config, "signHost" | "targetUrl">,
): string {
  return (signHost?.replace(/:\d+$/, "") ?? targetUrl.hostname).toLowerCase();
}
