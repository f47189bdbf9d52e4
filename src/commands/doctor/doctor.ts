/**
 * `doctor`: takes every step on the way to the target, one after the other,
 * and says of each how it went and what to do.
 */

import { environmentDecides } from "../../aws/credentials/sources/keys.ts";
import { Logins } from "../../aws/credentials/sso_login/logins.ts";
import { findProfilePlace } from "../../aws/shared_files/shared_files.ts";
import {
  type Config,
  configure,
  describeConfig,
  type RunCommand,
} from "../../config/config.ts";
import { ConfigError } from "../../errors.ts";
import type { LogNote } from "../../log/log.ts";
import { Redactor } from "../../redact/redact.ts";
import { OF_PROFILE, REGION_NOTE } from "../../config/scope.ts";
import { VERSION } from "../../version.ts";
import { type Arguments, parseArguments } from "../../config/arguments.ts";
import { PLUS_NOTE } from "../../config/checks.ts";
import type { CommandContext } from "../context.ts";
import { hideSecrets, openFetches } from "../target.ts";
import { checkIdentity } from "./identity.ts";
import { checkClock, findMissing, tryListening } from "./machine.ts";
import { checkNetwork } from "./network.ts";
import { checkProfileSession, checkSession } from "./session.ts";
import {
  type Checkup,
  failed,
  type Finding,
  othersText,
  Report,
  stepText,
  summaryText,
} from "./report.ts";

/** How long any one step may wait for an answer. */
const LIMIT_MS = 10_000;

/** The steps after the configuration, in order. */
const LOCAL_STEPS = ["permissions", "credentials", "identity"];
const NETWORK_STEPS = ["proxies", "dns", "connect", "tls"];
const SESSION_STEPS = ["initialize", "tools", "end"];

export async function runDoctor(
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  const given = parseArguments(args, "doctor");
  const isJson = given.own.get("json")?.[0] === "true";
  const redactor = new Redactor();
  let isTold = !isJson;
  const report = new Report(redactor.redact, async (step) => {
    if (isTold) await context.write(stepText(step, context.useColor));
  });
  const config = await report.take(
    "configuration",
    () => checkConfiguration(given, context),
  );
  if (config === undefined) {
    // Twelve skipped steps would hide the one that failed.
    isTold = false;
    await report.skip(
      [...LOCAL_STEPS, ...NETWORK_STEPS, "clock", ...SESSION_STEPS],
      "the configuration is at fault",
    );
    if (!isJson) await context.write(othersText(context.useColor));
  } else {
    using fetches = await openFetches(config);
    const { log } = report;
    const logins = config.login ? new Logins() : undefined;
    const limitMs = Math.min(config.timeoutMs ?? LIMIT_MS, LIMIT_MS);
    const around = { context, config, redactor, fetches, log, logins };
    await checkAll({ ...around, report, limitMs });
  }
  await context.write(
    isJson ? jsonText(report, config, redactor) : summaryText(report.steps),
  );
  return report.isWell ? 0 : 1;
}

async function checkAll(checkup: Checkup): Promise<void> {
  const { config, report, redactor } = checkup;
  // What a target echoes of a request may be shown.
  hideSecrets(config, redactor);
  const mayReach = await report.take("permissions", () => findMissing(checkup));
  const { source, others, clockOffsetMs } = await checkIdentity(checkup);
  const isReached = mayReach === true && await checkNetwork(checkup);
  if (!mayReach) {
    await report.skip(NETWORK_STEPS, "no permission to reach the target");
  }
  await checkClock(checkup, clockOffsetMs, isReached);
  if (isReached && source !== undefined) await checkSession(checkup, source);
  else {
    await report.skip(
      SESSION_STEPS,
      isReached ? "there are no credentials" : "the target was not reached",
    );
  }
  for (const [profile, source] of isReached ? others : []) {
    await checkProfileSession(checkup, profile, source);
  }
  await report.take("listen", () => tryListening(checkup));
}

async function checkConfiguration(
  given: Arguments,
  context: CommandContext,
): Promise<Finding<Config>> {
  try {
    const command = await configure(given, context.env, context);
    const { config, notes } = command;
    const { targetUrl } = describeConfig(config);
    const unsigned = config.unsignedPayload ? ", payload unsigned" : "";
    const from = await settingOrigins(command, context.env);
    const callRegions = notes.filter(({ message }) => message === REGION_NOTE)
      .map(({ fields }) => String(fields?.region));
    const calls = callRegions.length === 0
      ? ""
      : `; calls are for ${callRegions.join(", ")}`;
    return {
      detail: `${targetUrl}, signed ${config.signatureVersion} for ` +
        `${config.service} in ${config.region}${unsigned}; region from ` +
        `${from.region}, ${from.profile}${calls}`,
      advice: notes.filter(({ level, message }) =>
        level === "warn" || message === PLUS_NOTE.message
      ).map(noteText),
      facts: {
        service: config.service,
        region: config.region,
        regionFrom: from.region ?? null,
        ...callRegions.length > 0 && { callRegions },
        profileFrom: from.profile,
        signatureVersion: config.signatureVersion,
      },
      value: config,
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return failed(
      error.faults.join("; "),
      "correct the command line or the variables: sigv4-proxy --help all " +
        "names the options",
    );
  }
}

/** Which flag, variable or line the region and the profile are from. */
async function settingOrigins(
  { config, parsed, regionFrom }: RunCommand,
  env: CommandContext["env"],
): Promise<{ region: string | undefined; profile: string }> {
  const { name, variable, setting } = await findProfilePlace(
    config.profile,
    "region",
    env,
  );
  const region = regionFrom === OF_PROFILE
    ? `profile "${name}" (${setting ?? "the shared files"})`
    : regionFrom;
  const by = config.profile === undefined ? variable : parsed.nameOf("profile");
  const profile = environmentDecides(config.profile, env)
    ? "no profile"
    : by === undefined
    ? `profile "${name}", which is the usual one`
    : `profile "${name}" from ${by}`;
  return { region, profile };
}

function noteText({ message, fields = {} }: LogNote): string {
  const said = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : `${name} ${value}`
  );
  return said.length === 0 ? message : `${message}: ${said.join(", ")}`;
}

function jsonText(
  { steps, isWell: ok }: Report,
  config: Config | undefined,
  { redact }: Redactor,
): string {
  const target = config && redact(`${describeConfig(config).targetUrl}`);
  const report = { ok, version: VERSION, target, steps };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}
