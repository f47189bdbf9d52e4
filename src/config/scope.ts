/**
 * What to sign for, and with which version: from flags, off the host, from
 * variables, from the profile. And the region that calls of the AWS MCP Server
 * are for, which its host does not tell.
 */

import { type Endpoint, parseEndpoint } from "../aws/endpoint.ts";
import { ProfileMissingError } from "../aws/shared_files/shared_files.ts";
import type { SignatureVersion } from "../aws/signing/core.ts";
import { messageOf } from "../errors.ts";
import { Glob } from "../glob.ts";
import type { Metadata } from "./additions.ts";
import type { Arguments } from "./arguments.ts";
import { hintFor, optionName } from "./option.ts";
import { OPTIONS } from "./options.ts";
import { type ParsedOptions, quote } from "./settings.ts";

/** The region of a profile in the shared files; of the usual one if not named. */
export type ProfileRegion = (
  profile: string | undefined,
) => Promise<string | undefined>;

/** What to sign for, as far as it could be found. */
interface Scope {
  /** One region, or for `v4a` a set. */
  readonly region?: string;
  /** Where the region is from: a flag, a variable, the host, the profile. */
  readonly regionFrom?: string;
  readonly service?: string;
  readonly signatureVersion: SignatureVersion;
}

/** What regions are from that no flag and no variable names. */
const OFF_HOST = "the target's host";
export const OF_PROFILE = "the profile";

/** The set of every region. */
const ANY_REGION = "*";

/** One region, as it stands in a credential scope. */
const REGION = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** A member of a region set; `*` stands for any letters. */
const SET_MEMBER = /^[a-z0-9*](?:[a-z0-9*-]{0,61}[a-z0-9*])?$/;

/** The key by which the AWS MCP Server is told a region. */
export const REGION_KEY = "AWS_REGION";

/** What is noted of each region that is told. */
export const REGION_NOTE = "the region of calls goes with them";

/** Neither, if there is a fault. */
type Found = Pick<Scope, "region" | "regionFrom">;

/** What goes into the `_meta` of each request, the region included. */
export interface RegionMetadata {
  readonly metadata: Metadata;
  /** That of calls that name a profile, in place of it. */
  readonly profileMetadata: ReadonlyMap<string, Metadata>;
  /** Whether a profile has told a region. */
  readonly isOfProfile: boolean;
}

/** Finds what to sign for, and the region of calls. */
export class ScopeFinder {
  readonly #endpoint: Partial<Endpoint>;

  /**
   * @param host The host that is signed, when it is known.
   * @param profileRegion Asked when nothing else gives a region.
   */
  constructor(
    readonly parsed: ParsedOptions,
    readonly host: string | undefined,
    readonly profileRegion: ProfileRegion,
  ) {
    this.#endpoint = host === undefined ? {} : parseEndpoint(host) ?? {};
  }

  /**
   * Finds what to sign for. A flag always wins. A region in an AWS host name
   * goes before any variable, since no other one can verify there; a service or
   * a signature version in a variable goes before the host.
   *
   * @param meant Options that a misspelt flag is meant for: they are not missing.
   */
  async find(meant: Arguments["meant"]): Promise<Scope> {
    const { parsed, host } = this;
    const at = parsed.notes.length;
    const signatureVersion = this.#version();
    const { region, regionFrom } = await this.#region(meant, signatureVersion);
    const service = this.#service(meant);
    const fields = {
      host,
      service: parsed.settings.service === undefined ? service : undefined,
      region: regionFrom === OFF_HOST ? region : undefined,
      ...this.#endpoint.signatureVersion === "v4a" &&
        !parsed.isGiven("signatureVersion") && { signatureVersion },
    };
    if (fields.service ?? fields.region ?? fields.signatureVersion) {
      const message = "read off the host";
      parsed.notes.splice(at, 0, { level: "info", message, fields });
    }
    return { region, regionFrom, service, signatureVersion };
  }

  /**
   * Whether the region of this environment goes with calls: the host of the AWS
   * MCP Server tells that of the server alone, and without `_meta.AWS_REGION`
   * calls go to us-east-1 (Agent Toolkit for AWS, "AWS MCP Server").
   */
  get #goesWithCalls(): boolean {
    return this.parsed.settings.regionMetadata &&
      this.#endpoint.service === "aws-mcp";
  }

  #version(): SignatureVersion {
    const { settings: { signatureVersion: given }, unread } = this.parsed;
    const { signatureVersion: onHost } = this.#endpoint;
    if (onHost === undefined || unread.has("signatureVersion")) return given;
    if (!this.parsed.isGiven("signatureVersion")) return onHost;
    if (given !== onHost) this.#noteOverridden("signatureVersion", onHost);
    return given;
  }

  #service(meant: Arguments["meant"]): string | undefined {
    const { settings, unread, faults, notes } = this.parsed;
    const { service: onHost } = this.#endpoint;
    if (unread.has("service")) return undefined;
    const service = settings.service ?? onHost;
    if (service === undefined && !meant.has(OPTIONS.service)) {
      faults.push(this.#required("service"));
    }
    if (service !== onHost && onHost !== undefined) {
      this.#noteOverridden("service", onHost);
    }
    if (service === "vpc-lattice-svcs" && !settings.unsignedPayload) {
      // Amazon VPC Lattice, "SIGv4 authenticated requests", Considerations.
      const message =
        "VPC Lattice verifies no signed payload: set --unsigned-payload";
      notes.push({ level: "warn", message });
    }
    return service;
  }

  async #region(
    meant: Arguments["meant"],
    version: SignatureVersion,
  ): Promise<Found> {
    const { settings, sources, faults, notes } = this.parsed;
    const { region: given } = settings;
    const source = sources.get("region");
    const { region: regionOnHost, signatureVersion } = this.#endpoint;
    // The region of all regions is a set, which v4 cannot be signed for.
    const isSetForV4 = signatureVersion === "v4a" && version === "v4";
    const onHost = isSetForV4 ? undefined : regionOnHost;
    if (onHost !== undefined && source?.kind !== "flag") {
      // No other one can verify there, whatever a variable says.
      const isOther = given !== undefined && !covers(onHost, given);
      if (isOther && !this.#goesWithCalls) {
        const variable = source?.name;
        const message = `region ${onHost} of the host is used, not ${
          quote(given)
        } of ${variable}`;
        const fields = { region: onHost, variable, ignored: given };
        notes.push({ level: "warn", message, fields });
      }
      return { region: onHost, regionFrom: OFF_HOST };
    }
    if (given !== undefined) {
      const found = this.#checked(given, source?.name ?? "", version);
      const { region } = found;
      const isCovered = onHost === undefined || onHost === ANY_REGION ||
        (region !== undefined && covers(region, onHost));
      if (region && !isCovered) this.#noteOverridden("region", onHost);
      return found;
    }
    if (meant.has(OPTIONS.region)) return {};
    const missing = this.#required("region");
    try {
      const region = await this.profileRegion(settings.profile[0]);
      if (region) return this.#checked(region, OF_PROFILE, version);
      faults.push(`${missing}: the profile has none`);
    } catch (error) {
      const cause = messageOf(error);
      const fix = `${hintFor(OPTIONS.profile)}; nor is a region set`;
      faults.push(
        error instanceof ProfileMissingError
          ? `${cause} (${fix})`
          : `${missing}: the profile's cannot be read: ${cause}`,
      );
    }
    return {};
  }

  #checked(text: string, regionFrom: string, version: SignatureVersion): Found {
    const members = text.split(",").map((member) => member.trim());
    const isSet = members.every((member) => SET_MEMBER.test(member));
    const wantsSet = version === "v4a";
    if (wantsSet && isSet) return { region: members.join(","), regionFrom };
    if (!wantsSet && REGION.test(text)) return { region: text, regionFrom };
    const hint = isSet ? " (a set needs --sig-version v4a)" : "";
    const expected = wantsSet
      ? "a region set such as us-east-1,us-west-2 or *"
      : `one region such as us-east-1${hint}`;
    const place = regionFrom.startsWith("--") ? "" : ` in ${regionFrom}`;
    const words = `region must be ${expected}, got ${quote(text)}${place}`;
    return this.parsed.fault("region", words) ?? {};
  }

  #required(key: "region" | "service"): string {
    const unless = this.host === undefined
      ? ", unless the target's host tells it"
      : "";
    const option = OPTIONS[key];
    return `${optionName(option)} is required${unless} (${hintFor(option)})`;
  }

  /** What was set is used, though the host name says otherwise. */
  #noteOverridden(
    key: "region" | "service" | "signatureVersion",
    onHost: string,
  ): void {
    const { parsed } = this;
    const what = `${optionName(OPTIONS[key])} ${parsed.settings[key]}`;
    const from = parsed.nameOf(key);
    const message = `${what} of ${from} is used, not ${onHost} of the host`;
    parsed.notes.push({ level: "info", message });
  }

  /**
   * Adds the region that the AWS CLI would use in this environment: of a flag,
   * of a variable, of the profile. What `--metadata` says goes before that.
   */
  async addRegion(metadata: Metadata): Promise<RegionMetadata> {
    const { settings: { profile: names, region }, notes } = this.parsed;
    const profileMetadata = new Map<string, Metadata>();
    const isSaid = metadata.some(([key]) => key === REGION_KEY);
    if (isSaid || !this.#goesWithCalls) {
      return { metadata, profileMetadata, isOfProfile: false };
    }
    const from = region === undefined
      ? OF_PROFILE
      : this.parsed.nameOf("region");
    const withRegion = async (profile?: string): Promise<Metadata> => {
      const found = region ??
        await this.profileRegion(profile).catch((error) => {
          const message =
            "the profile's region cannot be read, and goes with no call";
          const fields = { profile, error: messageOf(error) };
          notes.push({ level: "info", message, fields });
        });
      if (!found) return metadata;
      const isOne = REGION.test(found);
      notes.push({
        level: isOne ? "info" : "warn",
        message: isOne
          ? REGION_NOTE
          : "the region for calls is not one region, and goes with no call",
        fields: { region: found, from, profile },
      });
      return isOne ? [...metadata, [REGION_KEY, found]] : metadata;
    };
    const first = await withRegion(names[0]);
    for (const [index, name] of names.length > 1 ? names.entries() : []) {
      profileMetadata.set(name, index === 0 ? first : await withRegion(name));
    }
    const isOfProfile = region === undefined &&
      [first, ...profileMetadata.values()].some((all) => all !== metadata);
    return { metadata: first, profileMetadata, isOfProfile };
  }
}

function covers(set: string, region: string): boolean {
  return set.split(",").some((member) => new Glob(member).matches(region));
}
