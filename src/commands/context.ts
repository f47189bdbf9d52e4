/** What a subcommand is handed: the world it works in. */

import {
  type Need,
  notGranted,
  NPM_PACKAGE_VARIABLE,
  readEnv,
} from "../permissions.ts";
import { profileRegion } from "../aws/shared_files/shared_files.ts";
import { credentialSource } from "../aws/credentials/credentials.ts";
import type { ProfileRegion } from "../config/scope.ts";
import { JSR_PACKAGE } from "../version.ts";

/** How this very program is started. */
export interface Program {
  /** The executable: Deno, or the compiled program. */
  readonly command: string;
  /** What Deno is to run; none for a compiled program. */
  readonly module: string | undefined;
  /** The npm package and its version, where its command has started this. */
  readonly npmPackage?: string;
}

export interface CommandContext {
  /** Looks up a variable; one that may not be read is as good as not set. */
  readonly env: (name: string) => string | undefined;
  readonly profileRegion: ProfileRegion;
  readonly write: (text: string) => Promise<void>;
  readonly writeError: (text: string) => Promise<void>;
  /** Whether stdout is a terminal that is to be coloured. */
  readonly useColor: boolean;
  /** The time, in milliseconds since 1970. */
  readonly now: () => number;
  readonly createCredentialSource: typeof credentialSource;
  /** Those of some permissions that the program was not given. */
  readonly notGranted: (needs: readonly Need[]) => Need[];
  readonly os: typeof Deno.build.os;
  readonly program: Program;
}

/** The world as it is, with what only the command itself can say. */
export function createContext(
  outer: Pick<CommandContext, "env" | "write" | "writeError" | "useColor">,
): CommandContext {
  const npmPackage = outer.env(NPM_PACKAGE_VARIABLE);
  return {
    ...outer,
    now: () => Date.now(),
    profileRegion: (profile) => profileRegion(profile),
    createCredentialSource: credentialSource,
    // A variable that `--ignore-env` hides is not missed: it reads as not set.
    notGranted: (needs) =>
      notGranted(needs).filter(({ kind, value }) =>
        kind !== "env" || !readEnv(value).allowed
      ),
    os: Deno.build.os,
    program: {
      command: Deno.execPath(),
      module: Deno.build.standalone
        ? undefined
        // There the modules are bundled, and none is found by its place.
        : npmPackage === undefined
        ? packageModule()
        : JSR_PACKAGE,
      npmPackage,
    },
  };
}

/** Tells what a person has to know, on stderr. */
export async function writeNotes(
  notes: readonly string[],
  { writeError }: Pick<CommandContext, "writeError">,
): Promise<void> {
  for (const note of notes) await writeError(`note: ${note}\n`);
}

/** What `deno run` is to be given to run this package again. */
export function packageModule(here: string = import.meta.url): string {
  const main = new URL("../../mod.ts", here);
  if (main.protocol !== "file:") {
    return main.hostname === "jsr.io" ? JSR_PACKAGE : main.href;
  }
  // file:///C:/dir → C:/dir, which Windows takes.
  return decodeURIComponent(main.pathname).replace(/^\/(?=[A-Za-z]:\/)/, "");
}
