/** What options say of one another. */

import { maySignOtherHost } from "../aws/signing/host.ts";
import { hintFor } from "./option.ts";
import { type OptionKey, OPTIONS } from "./options.ts";
import {
  addFault,
  isGiven,
  quote,
  type Reading,
  sourceName,
} from "./settings.ts";

/** What means nothing without another option, and the options of which it takes one. */
const NEEDS: readonly {
  readonly keys: readonly OptionKey[];
  readonly without: string;
  readonly needed: readonly [OptionKey, ...OptionKey[]];
}[] = [
  {
    keys: ["roleSessionName", "externalId", "roleDurationMs"],
    without: "a role",
    needed: ["assumeRole", "accountRole"],
  },
  {
    keys: ["recordBodies", "recordMaxBytes"],
    without: "a recording",
    needed: ["record"],
  },
  { keys: ["writeRole"], without: "--read-only", needed: ["readOnly"] },
  {
    keys: ["writeRole"],
    without: "a role that reads",
    needed: ["assumeRole"],
  },
  {
    keys: ["allowAccount", "allowRole"],
    without: "--account-role",
    needed: ["accountRole"],
  },
];

/** What one option says of another, or of the target. */
export function checkTogether(reading: Reading, url: URL | undefined): void {
  const { settings, unread, faults } = reading;
  const { profile, signHost, clientCert } = settings;
  for (const { keys, without, needed } of NEEDS) {
    if (needed.some((key) => settings[key] || unread.has(key))) continue;
    for (const key of keys.filter((key) => isGiven(key, reading))) {
      const name = sourceName(key, reading);
      addFault(reading, needed[0], `${name} means nothing without ${without}`);
    }
  }
  if (clientCert !== undefined && url?.protocol === "http:") {
    faults.push(
      `${sourceName("clientCert", reading)} means nothing to a target of ` +
        `plain http (${hintFor(OPTIONS.targetUrl)} to one of https)`,
    );
  }
  const repeated = profile.find((name, index) =>
    profile.indexOf(name) !== index
  );
  if (repeated !== undefined) {
    addFault(reading, "profile", `profile ${quote(repeated)} is given twice`);
  }
  if (signHost !== undefined && url && !maySignOtherHost(url)) {
    faults.push(
      "sign host is for targets on loopback, on private addresses and at " +
        "*.vpce.amazonaws.com only (unset --sign-host and MCP_SIGN_HOST)",
    );
  }
  // A role beside the first is for one client of one profile.
  const roles = (["writeRole", "accountRole"] as const)
    .filter((key) => settings[key] !== undefined)
    .map((key) => sourceName(key, reading));
  for (const name of profile.length > 1 ? roles : []) {
    const words = `${name} takes one profile, and several are given`;
    addFault(reading, "profile", words);
  }
  if (roles.length > 1) {
    faults.push(
      `${roles.join(" and ")} exclude each other (leave out one of the two)`,
    );
  }
}
