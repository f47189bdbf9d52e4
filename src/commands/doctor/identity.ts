/**
 * The doctor's look at the credentials: whether there are any, and who they
 * are.
 */

import {
  type Credentials,
  type CredentialSource,
  isFirstVersionToken,
  type RoleSession,
} from "../../aws/credentials/types.ts";
import type { Config } from "../../config/config.ts";
import { CredentialsError, messageOf } from "../../errors.ts";
import { maskAccessKeyId } from "../../redact/redact.ts";
import { askCaller, type StsAnswer } from "../caller.ts";
import { withLimit } from "../../time.ts";
import {
  credentialsOf,
  firstSession,
  identitiesOf,
  type Identity,
  isUnconfigured,
} from "../target.ts";
import { accountRoleArn, describeSession } from "../../config/roles.ts";
import {
  type Checkup,
  failed,
  type Finding,
  hintsFor,
  named,
  note,
} from "./report.ts";

/** A `credential_process` may take a minute. */
const CREDENTIALS_LIMIT_MS = 70_000;

/** Who there is to ask the target. */
export interface Identities {
  /** Of the first profile; nothing where there are no credentials. */
  readonly source: CredentialSource | undefined;
  /** The other profiles that have credentials. */
  readonly others: ReadonlyMap<string, CredentialSource>;
  /** How far AWS's clock is ahead, in milliseconds, if it said. */
  readonly clockOffsetMs: number | undefined;
}

/** Loads the credentials, and asks AWS who they are. */
export async function checkIdentity(checkup: Checkup): Promise<Identities> {
  const { config, report } = checkup;
  let origin: string | undefined;
  const source = credentialsOf(config, checkup, {
    onFound: (found) => {
      origin = found;
    },
  });
  // Without any, where requests go unsigned on purpose.
  const means = await report.take<{ credentials?: Credentials }>(
    "credentials",
    async () => {
      const credentials = await load(source);
      return { ...found(credentials, origin), value: { credentials } };
    },
    (error) => {
      if (!config.skipAuth || !isUnconfigured(error)) {
        return lacking(error, config);
      }
      const detail = "none are set up: requests go unsigned (--skip-auth)";
      return { ...note(detail), value: {} };
    },
  );
  const credentials = means?.credentials;
  let clockOffsetMs: number | undefined;
  if (credentials === undefined) {
    await report.skip(["identity"], "there are no credentials");
  } else {
    await checkToken(checkup, credentials);
    clockOffsetMs = await report.take(
      "identity",
      () => identify(checkup, credentials, firstSession(config)),
    );
  }
  const others = new Map<string, CredentialSource>();
  const { profiles, writer, role } = identitiesOf(config, checkup, source);
  const accounts = accountRoles(config).map((name) => role(name));
  for (const other of [...profiles, ...writer ? [writer] : [], ...accounts]) {
    const { kind, name } = other;
    const credentials = await report.take<Credentials>(kind, async () => {
      const value = await load(other.source);
      others.set(name, other.source);
      const found = await identify(checkup, value, other.session);
      return { ...named(kind, name, found), value };
    }, (error) => {
      const finding = lacking(error, config);
      return finding && named(kind, name, finding);
    });
    if (credentials) await checkToken(checkup, credentials, [kind, name]);
  }
  await checkLogins(checkup);
  return { source: means && source, others, clockOffsetMs };
}

/** With `--login`, whether the sessions could be begun again. */
async function checkLogins(
  { logins, report, limitMs }: Checkup,
): Promise<void> {
  for (const login of logins?.known.values() ?? []) {
    await report.take("login", async () => {
      const tokenFile = await withLimit(limitMs, (end) => login.check(end));
      if (tokenFile !== undefined) {
        return { detail: `could begin; its token goes to ${tokenFile}` };
      }
      return note(
        "could begin; its token would stay in memory, and no other program " +
          "have it",
        "see whose ~/.aws/sso/cache is, and allow to write there " +
          "(--allow-write)",
      );
    }, (error) =>
      note(
        `could not begin: ${messageOf(error)}`,
        "`aws sso login` on this machine begins the session all the same",
      ));
  }
}

/** Of so many accounts that calls may name the role is tried. */
const MOST_ACCOUNTS = 10;

/** The roles in the accounts that are named without a glob. */
function accountRoles({ accounts }: Config): string[] {
  if (accounts === undefined) return [];
  const isPlain = (name: string) => !/[*?]/.test(name);
  const role = accounts.allowRole?.find(isPlain);
  if (accounts.allowRole !== undefined && role === undefined) return [];
  return accounts.allow.filter(isPlain).slice(0, MOST_ACCOUNTS)
    .map((account) => accountRoleArn(accounts, account, role));
}

/** With v4a, whether the session token is one that it takes. */
async function checkToken(
  { config, report }: Checkup,
  { sessionToken }: Credentials,
  other?: readonly [kind: Identity["kind"], name: string],
): Promise<void> {
  if (config.signatureVersion !== "v4a" || sessionToken === undefined) return;
  await report.take("token", () => {
    const finding: Finding<never> = isFirstVersionToken(sessionToken)
      ? note(
        "the session token looks like one of the global STS endpoint, which " +
          "v4a does not take",
        "get credentials of a regional endpoint: sts_regional_endpoints = " +
          "regional in the profile, or AWS_STS_REGIONAL_ENDPOINTS=regional, " +
          "for whatever makes them",
      )
      : { detail: "not of the global STS endpoint, as far as it shows" };
    return other ? named(...other, finding) : finding;
  });
}

function load(source: CredentialSource): Promise<Credentials> {
  return withLimit(CREDENTIALS_LIMIT_MS, (signal) => source.get({ signal }));
}

function found(
  credentials: Credentials,
  origin: string | undefined,
): Finding<never> {
  const { sessionToken, expiration } = credentials;
  const accessKeyId = maskAccessKeyId(credentials.accessKeyId);
  const kind = sessionToken === undefined ? "long-term" : "temporary";
  const left = expiration && `, for another ${timeLeft(expiration)}`;
  const from = origin && `, from ${origin}`;
  return {
    detail: `${accessKeyId}, ${kind}${left ?? ""}${from ?? ""}`,
    facts: {
      accessKeyId,
      expiration: expiration?.toISOString() ?? null,
      from: origin ?? null,
    },
  };
}

/** Why there are no credentials. */
function lacking(
  error: unknown,
  { login }: Pick<Config, "login">,
): Finding<never> | undefined {
  if (!(error instanceof CredentialsError)) return undefined;
  const { run, flags } = error.data;
  const advice = typeof run === "string" && !error.message.includes(run)
    ? `run ${run}`
    : flags !== undefined
    ? "the step permissions says which flags to add"
    : "`aws configure list` shows what the AWS CLI finds in the same places; " +
      "--profile takes another profile";
  const isSso = `${run}`.startsWith("aws sso login ");
  const asking = login
    ? "with --login a client that opens pages has its user sign in"
    : "--login has a client that opens pages ask its user to sign in";
  const all = isSso ? [advice, asking] : [advice];
  return { ...failed(error.message, ...all), facts: { run, flags } };
}

/** Who it is, and what binds it; as the value, how far AWS's clock is ahead. */
async function identify(
  checkup: Checkup,
  credentials: Credentials,
  session: RoleSession | undefined,
): Promise<Finding<number>> {
  const answer = await askCaller(credentials, checkup);
  const finding = { ...findingOf(answer), value: answer.clockOffsetMs };
  if (session === undefined) return finding;
  const boundBy = describeSession(session);
  return {
    ...finding,
    detail: `${finding.detail}, bounds: ${boundBy.join(", ")}`,
    facts: { ...finding.facts, boundBy },
  };
}

function findingOf(answer: StsAnswer): Finding<never> {
  switch (answer.kind) {
    case "known": {
      const { account, arn } = answer;
      return { detail: `${arn} (account ${account})`, facts: { account, arn } };
    }
    case "refused": {
      const { reason, message, data } = answer.error;
      const detail = `STS does not take the credentials: ${message}`;
      return failed(detail, ...hintsFor({ reason, ...data }));
    }
    case "unknown":
      return note(
        `not known: ${answer.why}`,
        "the target may take the credentials all the same",
      );
  }
}

function timeLeft(end: Date): string {
  const ms = Math.max(0, end.getTime() - Date.now());
  const minutes = Math.floor(ms / 60_000);
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes} min` : `${hours} h ${minutes % 60} min`;
}
