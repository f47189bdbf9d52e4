/**
 * The region and the service to sign for: from flags, off the host, from
 * variables, from the profile.
 *
 * @module
 */

import { ProfileMissingError } from "../aws/shared_files/profile_settings.ts";
import { readEndpoint } from "../aws/endpoint.ts";
import type { LogNote } from "../log/log.ts";
import { type Option, optionName, remedy } from "./option.ts";
import { type OptionKey, OPTIONS } from "./options.ts";
import { quote, type Reading, type Source } from "./settings.ts";

/**
 * Looks up the region that the shared files give a profile; the usual profile
 * if none is named.
 */
export type ProfileRegion = (
  profile: string | undefined,
) => Promise<string | undefined>;

/** What to sign for, as far as it could be found. */
export interface Scope {
  /** One region, or for `v4a` a set. */
  readonly region?: string;
  /** Where the region is from: a flag, a variable, the host, the profile. */
  readonly regionFrom?: string;
  /** The signing name of the service. */
  readonly service?: string;
  /** What a person should know about where they are from. */
  readonly notes: readonly LogNote[];
  /** What is missing or wrong, a sentence each. */
  readonly faults: readonly string[];
}

/** What {@linkcode findScope} needs. */
export interface ScopeInput {
  /** The options. */
  readonly reading: Reading;
  /** Options that a misspelt flag is meant for: they are not missing. */
  readonly meant: ReadonlySet<OptionKey>;
  /** The host that is signed, when it is known; it may tell the rest. */
  readonly host: string | undefined;
  /** Asked when nothing else gives a region. */
  readonly profileRegion: ProfileRegion;
}

/**
 * Finds the region and the service to sign for. A flag always wins. A region
 * in an AWS host name goes before any variable, since no other one can verify
 * there; a service in a variable goes before the host.
 *
 * @param input The options, the host, and where to look for a profile.
 * @returns The scope, and every fault.
 */
export async function findScope(input: ScopeInput): Promise<Scope> {
  const { host } = input;
  const endpoint = host === undefined ? undefined : readEndpoint(host);
  const service = findService(input, endpoint?.service);
  const region = await findRegion(input, endpoint?.region);
  const notes = [...service.notes ?? [], ...region.notes ?? []];
  if (service.isOffHost || region.isOffHost) {
    notes.unshift({
      level: "info",
      message: "read off the host",
      fields: {
        host,
        service: service.isOffHost ? service.value : undefined,
        region: region.isOffHost ? region.value : undefined,
      },
    });
  }
  return {
    region: region.value,
    regionFrom: region.isOffHost ? OFF_HOST : region.from,
    service: service.value,
    notes,
    faults: [...region.faults ?? [], ...service.faults ?? []],
  };
}

/** What regions are from that no flag and no variable names. */
const OFF_HOST = "the target's host";
export const OF_PROFILE = "the profile";

interface Found {
  readonly value?: string;
  readonly from?: string;
  readonly isOffHost?: boolean;
  readonly notes?: readonly LogNote[];
  readonly faults?: readonly string[];
}

function findService(
  { reading, meant, host }: ScopeInput,
  onHost: string | undefined,
): Found {
  if (reading.faults.has("service")) return {};
  const given = reading.settings.service;
  if (given === undefined && onHost === undefined) {
    if (meant.has("service")) return {};
    return { faults: [required(OPTIONS.service, host)] };
  }
  const value = given ?? onHost;
  const notes: LogNote[] = [];
  if (given !== undefined && onHost !== undefined && given !== onHost) {
    const source = reading.sources.get("service");
    notes.push(overridden("service name", given, source, onHost));
  }
  if (value === "vpc-lattice-svcs" && !reading.settings.unsignedPayload) {
    notes.push(LATTICE_NOTE);
  }
  return { value, isOffHost: given === undefined, notes };
}

// Amazon VPC Lattice, "SIGv4 authenticated requests", Considerations.
const LATTICE_NOTE: LogNote = {
  level: "warn",
  message: "VPC Lattice verifies no signed payload: set --unsigned-payload",
};

async function findRegion(
  input: ScopeInput,
  onHost: string | undefined,
): Promise<Found> {
  const { reading } = input;
  const given = reading.settings.region;
  const source = reading.sources.get("region");
  if (onHost !== undefined && source?.kind !== "flag") {
    const isIgnored = given !== undefined && given !== onHost;
    return {
      value: onHost,
      isOffHost: true,
      notes: isIgnored ? [ignored(given, source, onHost)] : [],
    };
  }
  if (given === undefined && input.meant.has("region")) return {};
  if (given === undefined) return await profilesRegion(input);
  const found = checkRegion(reading, given, source?.name);
  const { value } = found;
  if (value === undefined || onHost === undefined || covers(value, onHost)) {
    return found;
  }
  return { ...found, notes: [overridden("region", value, source, onHost)] };
}

async function profilesRegion(
  { reading: { settings }, profileRegion, host }: ScopeInput,
): Promise<Found> {
  let region: string | undefined;
  try {
    region = await profileRegion(settings.profile[0]);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    if (error instanceof ProfileMissingError) {
      const mend = `${remedy(OPTIONS.profile)}; nor is a region set`;
      return { faults: [`${cause} (${mend})`] };
    }
    return {
      faults: [
        `${
          required(OPTIONS.region, host)
        }: the profile's cannot be read: ${cause}`,
      ],
    };
  }
  if (region === undefined || region === "") {
    return {
      faults: [`${required(OPTIONS.region, host)}: the profile has none`],
    };
  }
  return checkRegion({ settings }, region, OF_PROFILE);
}

/** One region, as it stands in a credential scope. */
const REGION = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** A member of a region set; `*` stands for any letters. */
const SET_MEMBER = /^[a-z0-9*](?:[a-z0-9*-]{0,61}[a-z0-9*])?$/;

function checkRegion(
  { settings }: Pick<Reading, "settings">,
  text: string,
  from: string | undefined,
): Found {
  const members = text.split(",").map((member) => member.trim());
  if (settings.signatureVersion === "v4a") {
    if (members.every((member) => SET_MEMBER.test(member))) {
      return { value: members.join(","), from };
    }
    return wrongRegion(
      "a region set such as us-east-1,us-west-2 or *",
      text,
      from,
    );
  }
  if (REGION.test(text)) return { value: text, from };
  const isSet = members.every((member) => SET_MEMBER.test(member));
  const hint = isSet ? " (a set needs --sig-version v4a)" : "";
  return wrongRegion(`one region such as us-east-1${hint}`, text, from);
}

function wrongRegion(expected: string, text: string, from = ""): Found {
  const place = from.startsWith("--") ? "" : ` in ${from}`;
  const got = `got ${quote(text)}${place}`;
  return {
    faults: [`region must be ${expected}, ${got} (${remedy(OPTIONS.region)})`],
  };
}

/** Whether a region is in a region set. */
function covers(regionSet: string, region: string): boolean {
  return regionSet.split(",").some((member) => isOfPattern(region, member));
}

/** Each `*` takes as little as it can, which no later one can do better with. */
function isOfPattern(region: string, pattern: string): boolean {
  const [first, ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return region === first;
  if (!region.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = region.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return region.length - last.length >= at && region.endsWith(last);
}

function required(option: Option, host: string | undefined): string {
  const unless = host === undefined
    ? ", unless the target's host tells it"
    : "";
  return `${optionName(option)} is required${unless} (${remedy(option)})`;
}

/** A variable's region is passed over for the one in the host name. */
function ignored(
  region: string,
  source: Source | undefined,
  onHost: string,
): LogNote {
  const variable = source?.name;
  return {
    level: "warn",
    message: `region ${onHost} of the host is used, not ${
      quote(region)
    } of ${variable}`,
    fields: { region: onHost, variable, ignored: region },
  };
}

/** What was set is used, though the host name says otherwise. */
function overridden(
  name: string,
  value: string,
  source: Source | undefined,
  onHost: string,
): LogNote {
  const from = source?.name ?? "";
  return {
    level: "info",
    message: `${name} ${value} of ${from} is used, not ${onHost} of the host`,
  };
}
