/**
 * The doctor's look at the credentials: whether there are any, and who they
 * are.
 *
 * @module
 */

import type {
  Credentials,
  CredentialSource,
} from "../../aws/credentials/types.ts";
import { CredentialsError } from "../../errors.ts";
import { maskAccessKeyId } from "../../redact/redact.ts";
import { askCaller } from "../caller.ts";
import { withLimit } from "../../limit.ts";
import { credentialsOf } from "../target.ts";
import type { Checkup } from "./checkup.ts";
import { hintsFor } from "./hints.ts";
import { failed, type Finding, note } from "./report.ts";

/** A `credential_process` may take a minute. */
const CREDENTIALS_LIMIT_MS = 70_000;

/**
 * Loads the credentials, and says where they are from.
 *
 * @param checkup What the steps share.
 * @param source Whom to ask.
 * @param origin Where they are from, once they are loaded.
 * @returns What requests are signed with; `none` where they go unsigned on
 * purpose.
 */
export async function checkCredentials(
  checkup: Checkup,
  source: CredentialSource,
  origin: () => string | undefined,
): Promise<Credentials | "none" | undefined> {
  return await checkup.report.take<Credentials | "none">(
    "credentials",
    async () => {
      try {
        return found(await load(source), origin());
      } catch (error) {
        const isMeant = checkup.config.skipAuth &&
          error instanceof CredentialsError && error.data.configured === false;
        if (!isMeant) return lacking(error);
        const detail = "none are set up: requests go unsigned (--skip-auth)";
        return { ...note(detail), value: "none" };
      }
    },
  );
}

async function load(source: CredentialSource): Promise<Credentials> {
  return await withLimit(
    CREDENTIALS_LIMIT_MS,
    (signal) => source.get({ signal }),
  );
}

function found(
  credentials: Credentials,
  origin: string | undefined,
): Finding<Credentials> {
  const { sessionToken, expiration } = credentials;
  const accessKeyId = maskAccessKeyId(credentials.accessKeyId);
  const kind = sessionToken === undefined ? "long-term" : "temporary";
  const left = expiration === undefined
    ? ""
    : `, for another ${timeLeft(expiration)}`;
  const from = origin === undefined ? "" : `, from ${origin}`;
  return {
    detail: `${accessKeyId}, ${kind}${left}${from}`,
    facts: {
      accessKeyId,
      expiration: expiration?.toISOString() ?? null,
      from: origin ?? null,
    },
    value: credentials,
  };
}

/** @throws What is no matter of credentials. */
function lacking(error: unknown): Finding<never> {
  if (!(error instanceof CredentialsError)) throw error;
  const run = typeof error.data.run === "string" ? error.data.run : undefined;
  const flags = Array.isArray(error.data.flags)
    ? error.data.flags.map(String)
    : undefined;
  const advice = run !== undefined && !error.message.includes(run)
    ? `run ${run}`
    : flags !== undefined
    ? "the step permissions says which flags to add"
    : "`aws configure list` shows what the AWS CLI finds in the same places; " +
      "--profile takes another profile";
  return { ...failed(error.message, advice), facts: { run, flags } };
}

/**
 * Asks AWS who the credentials are.
 *
 * @returns How far AWS's clock is ahead, in milliseconds, if it said.
 */
export async function checkCaller(
  checkup: Checkup,
  credentials: Credentials | undefined,
): Promise<number | undefined> {
  const { report } = checkup;
  if (credentials !== undefined) {
    return await report.take("identity", () => identify(checkup, credentials));
  }
  await report.skip(["identity"], "there are no credentials");
}

/**
 * Looks at the profiles that calls may name, but for the first.
 *
 * @returns Those that have credentials.
 */
export async function checkOtherProfiles(
  checkup: Checkup,
): Promise<ReadonlyMap<string, CredentialSource>> {
  const { config, report } = checkup;
  const sources = new Map<string, CredentialSource>();
  for (const profile of config.profiles.slice(1)) {
    const source = credentialsOf(config, checkup, profile);
    await report.take("profile", async () => {
      let credentials: Credentials;
      try {
        credentials = await load(source);
      } catch (error) {
        const { facts, ...finding } = lacking(error);
        return { ...finding, facts: { ...facts, profile } };
      }
      sources.set(profile, source);
      const { detail, facts, ...finding } = await identify(
        checkup,
        credentials,
      );
      return {
        ...finding,
        detail: `${profile}: ${detail}`,
        facts: { ...facts, profile },
      };
    });
  }
  return sources;
}

/** Who it is; as the value, how far AWS's clock is ahead. */
async function identify(
  checkup: Checkup,
  credentials: Credentials,
): Promise<Finding<number>> {
  const answer = await askCaller(credentials, checkup);
  const value = answer.clockOffsetMs;
  switch (answer.kind) {
    case "known": {
      const { account, arn } = answer.caller;
      const detail = `${arn} (account ${account})`;
      return { detail, facts: { account, arn }, value };
    }
    case "refused": {
      const { reason, message, data } = answer.error;
      const detail = `STS does not take the credentials: ${message}`;
      return { ...failed(detail, ...hintsFor({ reason, ...data })), value };
    }
    case "unknown":
      return {
        ...note(
          `not known: ${answer.why}`,
          "the target may take the credentials all the same",
        ),
        value,
      };
  }
}

function timeLeft(end: Date): string {
  const minutes = Math.max(
    0,
    Math.floor((end.getTime() - Date.now()) / 60_000),
  );
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes} min` : `${hours} h ${minutes % 60} min`;
}
