/**
 * The doctor's look at the credentials: whether there are any, and who they
 * are.
 *
 * @module
 */

import type {
  Credentials,
  CredentialSource,
} from "../../aws/credentials/credentials.ts";
import { CredentialsError } from "../../errors.ts";
import { maskAccessKeyId } from "../../redact/redact.ts";
import { credentialsOf } from "../context.ts";
import type { Checkup } from "./checkup.ts";
import type { Facts, Finding } from "./report.ts";
import { remediesFor } from "./hints.ts";
import { withLimit } from "../limit.ts";
import { askCaller, type StsAnswer } from "../caller.ts";

/** A `credential_process` may take a minute. */
const CREDENTIALS_LIMIT_MS = 70_000;

/** What the requests can be signed with. */
export interface SigningMeans {
  /** Whether the target can be asked at all: signed, or unsigned on purpose. */
  readonly canSign: boolean;
  readonly credentials?: Credentials;
}

/** Loads the credentials, and says where they are from. */
export async function checkCredentials(
  checkup: Checkup,
  source: CredentialSource,
  origin: () => string | undefined,
): Promise<SigningMeans> {
  const { config, context, report } = checkup;
  const means = await report.take<SigningMeans>("credentials", async () => {
    try {
      return found(await load(checkup, source), context.now(), origin());
    } catch (error) {
      if (!(error instanceof CredentialsError)) throw error;
      const isMeant = config.skipAuth && error.data.configured === false;
      if (!isMeant) return lacking(error);
      return {
        status: "note",
        detail: "none are set up: requests go unsigned (--skip-auth)",
        value: { canSign: true },
      };
    }
  });
  return means ?? { canSign: false };
}

async function load(
  { redactor }: Checkup,
  source: CredentialSource,
): Promise<Credentials> {
  const credentials = await withLimit(
    CREDENTIALS_LIMIT_MS,
    (signal) => source.get({ signal }),
  );
  redactor.addCredential(credentials.secretAccessKey);
  redactor.addCredential(credentials.sessionToken);
  return credentials;
}

function found(
  credentials: Credentials,
  now: number,
  origin: string | undefined,
): Finding<SigningMeans> {
  const { accessKeyId, sessionToken, expiration } = credentials;
  const kind = sessionToken === undefined ? "long-term" : "temporary";
  const left = expiration === undefined
    ? ""
    : `, for another ${timeLeft(expiration.getTime() - now)}`;
  return {
    detail: `${maskAccessKeyId(accessKeyId)}, ${kind}${left}` +
      (origin === undefined ? "" : `, from ${origin}`),
    facts: {
      accessKeyId: maskAccessKeyId(accessKeyId),
      expiration: expiration?.toISOString() ?? null,
      from: origin ?? null,
    },
    value: { canSign: true, credentials },
  };
}

function lacking(error: CredentialsError): Finding<SigningMeans> {
  const { run, flags } = error.data;
  const facts: Facts = {
    ...(typeof run === "string" ? { run } : {}),
    ...(isTexts(flags) ? { flags } : {}),
  };
  const advice = typeof run === "string" && !error.message.includes(run)
    ? `run ${run}`
    : isTexts(flags)
    ? "the step permissions says which flags to add"
    : "`aws configure list` shows what the AWS CLI finds in the same places; " +
      "--profile takes another profile";
  return { status: "failed", detail: error.message, advice: [advice], facts };
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
  if (credentials === undefined) {
    await report.skip(["identity"], "there are no credentials");
    return undefined;
  }
  return await report.take<number>("identity", async () => {
    const answer = await ask(checkup, credentials);
    return { ...told(answer), value: answer.clockOffsetMs };
  });
}

/**
 * Looks at the profiles that calls may name, but for the first.
 *
 * @returns Those that have credentials.
 */
export async function checkOtherProfiles(
  checkup: Checkup,
): Promise<ReadonlyMap<string, CredentialSource>> {
  const { config, context, report } = checkup;
  const sources = new Map<string, CredentialSource>();
  for (const profile of config.profiles.slice(1)) {
    await report.take("profile", async () => {
      const source = credentialsOf(context, config, checkup, profile);
      try {
        const credentials = await load(checkup, source);
        sources.set(profile, source);
        const finding = told(await ask(checkup, credentials));
        return {
          ...finding,
          detail: `${profile}: ${finding.detail}`,
          facts: { ...finding.facts, profile },
        };
      } catch (error) {
        if (!(error instanceof CredentialsError)) throw error;
        const { value: _value, ...finding } = lacking(error);
        return { ...finding, facts: { ...finding.facts, profile } };
      }
    });
  }
  return sources;
}

async function ask(
  { config, context, redactor, ways, limitMs }: Checkup,
  credentials: Credentials,
): Promise<StsAnswer> {
  return await askCaller(context, {
    region: config.region,
    credentials,
    redactor,
    fetch: ways.toOthers,
    limitMs,
  });
}

function told(answer: StsAnswer): Finding {
  switch (answer.kind) {
    case "known": {
      const { account, arn } = answer.caller;
      return { detail: `${arn} (account ${account})`, facts: { account, arn } };
    }
    case "refused":
      return {
        status: "failed",
        detail: `STS does not take the credentials: ${answer.error.message}`,
        advice: remediesFor(answer.error.reason, answer.error.data),
      };
    case "unknown":
      return {
        status: "note",
        detail: `not known: ${answer.why}`,
        advice: ["the target may take the credentials all the same"],
      };
  }
}

function timeLeft(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes} min` : `${hours} h ${minutes % 60} min`;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) &&
    value.every((part) => typeof part === "string");
}
