/**
 * A Host other than the target's, for tunnels and private links: where it may
 * go, and how it is sent.
 */

import { PARTITIONS } from "../partition.ts";
import { isLoopback, isPrivateAddress } from "../../net/address.ts";

/**
 * Whether requests to a host may be signed for another one: towards loopback,
 * private addresses (RFC 1918, RFC 4193) and VPC endpoints alone, so that no
 * stranger collects signatures that are good elsewhere.
 */
export function maySignOtherHost({ hostname }: URL): boolean {
  return isLoopback(hostname) || isPrivateAddress(hostname) ||
    PARTITIONS.some(({ domain }) =>
      hostname.replace(/\.$/, "").endsWith(`.vpce.${domain}`)
    );
}
