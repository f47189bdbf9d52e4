/**
 * What the parts of one search for credentials share, and the errors that end
 * it: a source that is configured and gives nothing throws one.
 */

import type { CredentialsError } from "../../errors.ts";
import type { Naming } from "../../naming.ts";
import type { Log } from "../../log/log.ts";
import type { Redactor } from "../../redact/redact.ts";
import { flagsFor, lacking, type Need, notGranted } from "../../permissions.ts";
import type { ReadEnv } from "../shared_files/paths.ts";
import {
  type FailureFacts,
  type Settings,
  SourceError,
  UnclearFilesError,
} from "../shared_files/settings.ts";
import type { SharedFiles } from "../shared_files/shared_files.ts";
import type { Credentials, RoleSession } from "./types.ts";
import type { Logins } from "./sso_login/logins.ts";
import type { FileWatch } from "./cache.ts";

/** What tells, before a source is asked, which permissions it needs. */
export interface SourceQuery {
  /** Throws if the variable may not be read: it is not one that is not set. */
  readonly env: ReadEnv;
  /** The profile asked for outright. */
  readonly profile?: string;
  /** The region for STS where nothing nearer names one. */
  readonly region?: string;
  readonly files?: SharedFiles;
  /** Those of the profile that was come to. */
  readonly settings?: Settings;
  /**
   * Those of the profile in use, where another one of its chain was come to:
   * they say where services are asked.
   */
  readonly inUse?: Settings;
}

/** The same, where a profile is what is asked. */
export interface ProfileQuery extends SourceQuery {
  readonly name: string;
  readonly files: SharedFiles;
  readonly settings: Settings;
  /** The profiles that led here, for a chain of roles. */
  readonly seen: readonly string[];
}

/** What each search can do, in the name of the source that it is at. */
interface SearchSteps {
  /** The error of a source that is configured but yields nothing. */
  failed(outcome: string, facts?: FailureFacts): CredentialsError;
  /** The error of a profile that says less than it has to. */
  unclear(outcome: string, facts?: FailureFacts): CredentialsError;
  notPermitted(missing: readonly Need[]): CredentialsError;
  /** Goes on only if everything needed is permitted. */
  demand(needs: readonly Need[]): void;
  /**
   * Goes on only if variables may be read: one that Deno hides could name
   * another identity than the one that is found without it.
   */
  demandEnv(names: readonly string[], why: string): void;
}

export interface Search extends SourceQuery, Naming, SearchSteps {
  /** What the source is called in errors. */
  readonly source: string;
  /** Those of the variables that may not be read. */
  readonly hiddenEnv: (names: readonly string[]) => string[];
  readonly fetch: typeof globalThis.fetch;
  readonly now: () => number;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly watch: FileWatch;
  /** The instance's last credentials, for an outage of its service. */
  readonly instance: { last?: Credentials };
  /** What the session is bound to: that of the last role, which must be one. */
  readonly session?: RoleSession;
  /** Told which errors a login would fix, where the program can begin one. */
  readonly logins?: Logins;
}

/** Part of each search, and of each that is made of another. */
export const SEARCH_STEPS: SearchSteps & ThisType<Search> = {
  failed(outcome, facts = {}) {
    const { source, redactor } = this;
    return new SourceError(source, redactor.redact(outcome), facts);
  },
  unclear(outcome, facts = {}) {
    const { source, redactor } = this;
    return new UnclearFilesError(source, redactor.redact(outcome), facts);
  },
  notPermitted(missing) {
    return this.failed(lacking(missing), { flags: flagsFor(missing) });
  },
  demand(needs) {
    const missing = notGranted(needs);
    if (missing.length > 0) throw this.notPermitted(missing);
  },
  demandEnv(names, why) {
    const missing = this.hiddenEnv(names)
      .map((value): Need => ({ kind: "env", value, why }));
    if (missing.length > 0) throw this.notPermitted(missing);
  },
};

/** What a source gives, or why it has nothing to give. */
export type Found = Credentials | string;

/** The error of credentials that nothing can be bound with. */
export function noRole(search: Search): CredentialsError {
  return search.failed(
    "it gives credentials without assuming a role, so there is no session to " +
      "bind or to tag: name a role to assume",
  );
}
