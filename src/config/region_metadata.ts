/**
 * The region that calls of the AWS MCP Server are for: its host has the region
 * of the server itself, and without `_meta.AWS_REGION` calls go to us-east-1
 * (Agent Toolkit for AWS, "AWS MCP Server").
 */

import { readEndpoint } from "../aws/endpoint.ts";
import { messageOf } from "../errors.ts";
import { goesWithCalls, OF_PROFILE, type ProfileRegion } from "./scope.ts";
import { type Reading, sourceName } from "./settings.ts";

/** The key by which the server is told. */
export const REGION_KEY = "AWS_REGION";

/** What is noted of each region that is told. */
export const REGION_NOTE = "the region of calls goes with them";

/** Keys and values for `_meta`. */
type Metadata = readonly (readonly [key: string, value: string])[];

/** What goes into `_meta`, the region included. */
export interface RegionMetadata {
  readonly metadata: Metadata;
  /** For each profile that calls may name, in place of that. */
  readonly profileMetadata: ReadonlyMap<string, Metadata>;
  /** Whether a profile has told a region. */
  readonly isOfProfile: boolean;
}

const ONE_REGION = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Adds the region that the AWS CLI would use in this environment: of a flag, of
 * a variable, of the profile. What `--metadata` says goes before that.
 *
 * @param host The host that is signed.
 */
export async function addRegion(
  metadata: Metadata,
  { reading, host, profileRegion }: {
    readonly reading: Reading;
    readonly host: string | undefined;
    readonly profileRegion: ProfileRegion;
  },
): Promise<RegionMetadata> {
  const { settings: { profile: names, region }, notes } = reading;
  const endpoint = host === undefined ? undefined : readEndpoint(host);
  const isWanted = goesWithCalls(reading, endpoint ?? {}) &&
    !metadata.some(([key]) => key === REGION_KEY);
  const profileMetadata = new Map<string, Metadata>();
  if (!isWanted) return { metadata, profileMetadata, isOfProfile: false };

  const regionOf = async (name?: string): Promise<string | undefined> => {
    if (region !== undefined) return region;
    try {
      return await profileRegion(name);
    } catch (error) {
      notes.push({
        level: "info",
        message: "the profile's region cannot be read, and goes with no call",
        fields: { profile: name, error: messageOf(error) },
      });
      return undefined;
    }
  };
  const withRegion = async (name?: string): Promise<Metadata> => {
    const found = await regionOf(name);
    if (found === undefined) return metadata;
    const isOne = ONE_REGION.test(found);
    notes.push({
      level: isOne ? "info" : "warn",
      message: isOne
        ? REGION_NOTE
        : "the region for calls is not one region, and goes with no call",
      fields: {
        region: found,
        from: region === undefined ? OF_PROFILE : sourceName("region", reading),
        profile: name,
      },
    });
    if (!isOne) return metadata;
    return [...metadata, [REGION_KEY, found]];
  };
  const first = await withRegion(names[0]);
  for (const [index, name] of names.length > 1 ? names.entries() : []) {
    profileMetadata.set(name, index === 0 ? first : await withRegion(name));
  }
  const isOfProfile = region === undefined &&
    [first, ...profileMetadata.values()].some((all) => all !== metadata);
  return { metadata: first, profileMetadata, isOfProfile };
}
