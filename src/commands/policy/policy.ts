/**
 * `policy`: the least that has to be allowed for the target, by AWS IAM and by
 * Deno.
 */

import { readSharedFiles } from "../../aws/shared_files/shared_files.ts";
import { commaNotes } from "../../permissions.ts";
import { sharedPaths } from "../../aws/shared_files/paths.ts";
import { UnclearFilesError } from "../../aws/shared_files/settings.ts";
import { parseArguments } from "../../config/arguments.ts";
import { type Config, configure } from "../../config/config.ts";
import { FLAG_NAMES } from "../../config/settings.ts";
import { SILENT_LOG } from "../../log/log.ts";
import { Redactor } from "../../redact/redact.ts";
import { type CommandContext, writeNotes } from "../context.ts";
import { credentialsOf, isUnconfigured, openFetches } from "../target.ts";
import { reasonOf } from "../../errors.ts";
import { withLimit } from "../../time.ts";
import { findNeeds, permissionFlags } from "../needs.ts";
import { accountRoleArn } from "../../config/roles.ts";
import { allow, type Statement } from "../../aws/policy/statement.ts";
import { POLICY_SERVICES, targetPolicy } from "../../aws/policy/targets.ts";
import { shellWords } from "../../aws/shared_files/shell_words.ts";
import { askCaller } from "../caller.ts";

const ACCOUNT_LIMIT_MS = 5_000;

const ANY_ACCOUNT = "*";

export async function runPolicy(
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  const given = parseArguments(args, "policy");
  const command = await configure(given, context.env, context);
  const { config, notes, own } = command;
  const hereOnly = !command.usesSharedFiles;
  const needs = await findNeeds(config, context, { hereOnly });
  const flags = shellWords(permissionFlags(needs));
  const warnings = notes.filter(({ level }) => level === "warn");
  await writeNotes([
    ...warnings.map(({ message }) => message),
    ...await profileNotes(config, context.env),
    ...commaNotes(needs),
  ], context);
  if (own.get("flags")?.[0] === "true") {
    await context.write(`${flags}\n`);
    return 0;
  }
  return await printPolicy(config, flags, context);
}

async function printPolicy(
  config: Config,
  flags: string,
  context: CommandContext,
): Promise<number> {
  const write = (text: string) => context.writeError(`${text}\n`);
  const general = targetPolicy(config, ANY_ACCOUNT, FLAG_NAMES);
  if (general === undefined) {
    await write(
      `it is not known what ${config.service} asks for at this URL: known are ` +
        POLICY_SERVICES.join(", "),
    );
    await write(`Deno flags: ${flags}`);
    return 1;
  }
  // Nobody is asked for an account that no ARN leaves open.
  const isOpen = JSON.stringify(general).includes(`:${ANY_ACCOUNT}:`);
  const [account, ...note] = isOpen
    ? await accountOf(config, context)
    : [ANY_ACCOUNT];
  const { statements, notes } = targetPolicy(config, account, FLAG_NAMES) ??
    general;
  const Statement = [...statements, ...accountStatements(config)];
  const document = { Version: "2012-10-17", Statement };
  await context.write(`${JSON.stringify(document, undefined, 2)}\n`);
  await writeNotes([...notes, ...note, ...roleNotes(config)], context);
  await write(`Deno flags: ${flags}`);
  return 0;
}

/** The account, and where it is from, or that it is not known. */
async function accountOf(
  config: Config,
  context: CommandContext,
): Promise<[account: string, note: string]> {
  const ofRole = /^arn:[^:]+:iam::(\d{12}):/.exec(config.assumeRole ?? "")?.[1];
  const found = ofRole ?? await callersAccount(config, context);
  if (!/^\d{12}$/.test(found)) {
    const note = `the account is not known (${found}): * stands for any, put ` +
      "the target's in its place";
    return [ANY_ACCOUNT, note];
  }
  const whose = ofRole === undefined ? "the credentials'" : "the role's";
  const other = "put another in its place if the target is not of that account";
  return [found, `account ${found} is ${whose}: ${other}`];
}

/** Twelve digits, or why there are none. */
async function callersAccount(
  config: Config,
  context: CommandContext,
): Promise<string> {
  const redactor = new Redactor();
  using fetches = await openFetches(config);
  const limitMs = ACCOUNT_LIMIT_MS;
  const around = { context, log: SILENT_LOG, redactor, fetches };
  const source = credentialsOf(config, around);
  try {
    const get = (signal: AbortSignal) => source.get({ signal });
    const credentials = await withLimit(limitMs, get);
    const answer = await askCaller(credentials, { ...around, config, limitMs });
    if (answer.kind === "known") return answer.account;
    return answer.kind === "unknown" ? answer.why : answer.error.message;
  } catch (error) {
    return isUnconfigured(error)
      ? "there are no credentials to tell it"
      : redactor.redact(reasonOf(error));
  }
}

/** The flags are for a guess where there is no such profile. */
async function profileNotes(
  { profile, profiles }: Config,
  env: CommandContext["env"],
): Promise<string[]> {
  const named = new Set(profile === undefined ? [] : [profile, ...profiles]);
  try {
    const { profiles: known } = await readSharedFiles(sharedPaths(env));
    return [...named].filter((name) => !known.has(name)).map((name) =>
      `there is no profile "${name}" in the shared AWS files that can be read ` +
      "here, so the Deno flags may lack what it needs"
    );
  } catch (error) {
    if (!(error instanceof UnclearFilesError)) throw error;
    return [`the Deno flags may lack something: ${error.message}`];
  }
}

function roleNotes(config: Config): string[] {
  const { assumeRole, writeRole, accounts } = config;
  const notes: string[] = [];
  const roles = [assumeRole, writeRole].filter((role) => role !== undefined);
  if (roles.length > 0) {
    const which = roles.length > 1 ? "each role" : "the role";
    notes.push(
      `the policy is for ${which}; whoever assumes it needs ` +
        `${assumeActions(config).join(", ")} on ${roles.join(" and ")}, and ` +
        "the role's trust policy must name them",
    );
  }
  if (accounts !== undefined) {
    notes.push(
      "AssumeAccountRoles is for who assumes the roles in the accounts alone; " +
        "each of these needs the other statements, and a trust policy that " +
        "names who assumes it",
    );
  }
  return notes;
}

/** What the roles in the accounts that calls may name are assumed with. */
function accountStatements(config: Config): Statement[] {
  const { accounts } = config;
  if (accounts === undefined) return [];
  const { allow: allowed, allowRole = [""] } = accounts;
  const resources = allowed.flatMap((account) =>
    allowRole.map((role) => accountRoleArn(accounts, account, role))
  );
  return [allow("AssumeAccountRoles", assumeActions(config), resources)];
}

function assumeActions({ session }: Config): string[] {
  return [
    "sts:AssumeRole",
    ...session?.tags ? ["sts:TagSession"] : [],
    ...session?.sourceIdentity ? ["sts:SetSourceIdentity"] : [],
  ];
}
