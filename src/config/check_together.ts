/**
 * What options say of one another.
 */

import { maySignOtherHost } from "../aws/signing/host.ts";
import { remedy } from "./option.ts";
import { OPTIONS } from "./options.ts";
import { isGiven, quote, type Reading, sourceName } from "./settings.ts";

/** The options that say how to take on a role, and mean nothing without one. */
const ROLE_OPTIONS = [
  "roleSessionName",
  "externalId",
  "roleDurationMs",
] as const;

/** The options that say how a recording is made. */
const RECORD_OPTIONS = ["recordBodies", "recordMaxBytes"] as const;

/** What one option says of another, or of the target. */
export function checkTogether(reading: Reading, url: URL | undefined): void {
  const { settings, unread, faults } = reading;
  const { profile, signHost, clientCert, assumeRole } = settings;
  if (clientCert !== undefined && url?.protocol === "http:") {
    faults.push(
      `${sourceName("clientCert", reading)} means nothing to a target of ` +
        `plain http (${remedy(OPTIONS.targetUrl)} to one of https)`,
    );
  }
  const repeated = profile.find((name, index) =>
    profile.indexOf(name) !== index
  );
  if (repeated !== undefined) {
    const mend = remedy(OPTIONS.profile);
    faults.push(`profile ${quote(repeated)} is given twice (${mend})`);
  }
  if (signHost !== undefined && url && !maySignOtherHost(url)) {
    faults.push(
      "sign host is for targets on loopback, on private addresses and at " +
        "*.vpce.amazonaws.com only (unset --sign-host and MCP_SIGN_HOST)",
    );
  }
  checkOtherRoles(reading);
  const isUnread = unread.has("assumeRole") || unread.has("accountRole");
  if ((assumeRole ?? settings.accountRole) === undefined && !isUnread) {
    for (const key of ROLE_OPTIONS.filter((key) => isGiven(key, reading))) {
      const name = sourceName(key, reading);
      const mend = remedy(OPTIONS.assumeRole);
      faults.push(`${name} means nothing without a role (${mend})`);
    }
  }
  if (settings.record !== undefined) return;
  for (const key of RECORD_OPTIONS.filter((key) => isGiven(key, reading))) {
    const name = sourceName(key, reading);
    const mend = remedy(OPTIONS.record);
    faults.push(`${name} means nothing without a recording (${mend})`);
  }
}

/** A role beside the first is for one client of one profile. */
function checkOtherRoles(reading: Reading): void {
  const { settings, faults } = reading;
  const { writeRole, accountRole, profile, readOnly, assumeRole } = settings;
  const keys = (["writeRole", "accountRole"] as const)
    .filter((key) => settings[key] !== undefined);
  for (const key of keys) {
    if (profile.length < 2) continue;
    faults.push(
      `${sourceName(key, reading)} takes one profile, and several are given ` +
        `(${remedy(OPTIONS.profile)})`,
    );
  }
  if (writeRole === undefined) return;
  const name = sourceName("writeRole", reading);
  if (!readOnly) {
    const mend = remedy(OPTIONS.readOnly);
    faults.push(`${name} means nothing without --read-only (${mend})`);
  }
  if (assumeRole === undefined) {
    const mend = remedy(OPTIONS.assumeRole);
    faults.push(`${name} means nothing without a role that reads (${mend})`);
  }
  if (accountRole !== undefined) {
    faults.push(
      `${name} and ${sourceName("accountRole", reading)} exclude each other ` +
        "(leave out one of the two)",
    );
  }
}
