/**
 * The doctor's look at Deno's permissions.
 *
 * @module
 */

import { SDK_ENV } from "../../aws/credentials/environment.ts";
import { commaNotes, type Need } from "../../aws/credentials/permissions.ts";
import { OPTION_KEYS, OPTIONS } from "../../config/options.ts";
import type { Option } from "../../config/option.ts";
import type { Checkup } from "./checkup.ts";
import { findNeeds, permissionFlags } from "../needs.ts";

/** What the proxy reads of AWS's variables without the AWS SDK. */
const OWN_AWS_ENV: readonly string[] = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_CREDENTIAL_EXPIRATION",
  "AWS_DEFAULT_PROFILE",
  "AWS_PROFILE",
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
];

/**
 * Checks whether the program was given what it needs.
 *
 * @param checkup What the steps share.
 * @returns Whether it may reach the target.
 */
export async function checkPermissions(
  { context, config, report }: Checkup,
): Promise<boolean> {
  const mayReach = await report.take<boolean>("permissions", async () => {
    const needs = await findNeeds(config, context, { hereOnly: true });
    const missing = context.notGranted(
      needs.flatMap((need) => spelledOut(need, needs)),
    ).map(asWritten);
    const own = missing.filter(({ value }) => value === "MCP_*");
    const others = missing.filter(({ value }) => value !== "MCP_*");
    const value = !others.some(({ why }) => why === "reach the target");
    const hidden = own.length === 0 ? [] : [
      "variables that begin with MCP_ are not looked at; to have them count, " +
      `add ${flagsText(own)}`,
    ];
    if (others.length === 0) {
      const kinds = [...new Set(needs.map(({ kind }) => kind))];
      return {
        detail: `enough for this target (${kinds.join(", ")})`,
        advice: hidden,
        facts: { needed: permissionFlags(needs) },
        value,
      };
    }
    const purposes = [...new Set(others.map(({ why }) => `to ${why}`))];
    return {
      status: "failed",
      detail: `no permission ${purposes.join(", ")}`,
      advice: [...adviceFor(others), ...hidden],
      facts: {
        needed: permissionFlags(needs),
        missing: permissionFlags(others).slice(1),
      },
      value,
    };
  });
  return mayReach ?? false;
}

/** A pattern of variables as the variables that are read. */
function spelledOut(need: Need, all: readonly Need[]): readonly Need[] {
  const names = namesOf(need, all);
  return names?.map((value) => ({ ...need, value })) ?? [need];
}

function namesOf(
  { kind, value }: Need,
  all: readonly Need[],
): readonly string[] | undefined {
  if (kind !== "env") return undefined;
  if (value === "MCP_*") {
    return OPTION_KEYS.flatMap((key) =>
      (OPTIONS[key] as Option).variables ?? []
    )
      .filter((name) => name.startsWith("MCP_"));
  }
  if (value !== "AWS_*") return undefined;
  const goesThroughSdk = all.some(({ value }) => value === "_X_AMZN_TRACE_ID");
  return goesThroughSdk
    ? SDK_ENV.filter((name) => name.startsWith("AWS_"))
    : OWN_AWS_ENV;
}

/** And back again, for the flag. */
function asWritten(need: Need): Need {
  const prefix = need.kind === "env" && /^(?:AWS|MCP)_/.exec(need.value);
  return prefix ? { ...need, value: `${prefix[0]}*` } : need;
}

function adviceFor(needs: readonly Need[]): string[] {
  const flags = flagsText(needs);
  return [...(flags === "" ? [] : [`add ${flags}`]), ...commaNotes(needs)];
}

function flagsText(needs: readonly Need[]): string {
  return permissionFlags(needs).slice(1).join(" ");
}
