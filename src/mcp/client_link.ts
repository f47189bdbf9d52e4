/**
 * What stands between the client and the target: the upstream, and the layers
 * that options ask for. A layer that no option asks for is not there.
 */

import type { ClientLinkOptions } from "./client_layers.ts";
import type { Link } from "./transport/link.ts";
import { hasRules } from "./tools/rules.ts";
import { Upstream } from "./upstream.ts";

export async function createClientLink(
  options: ClientLinkOptions,
): Promise<Link> {
  const { tools, bridge, profiles, accounts, findLogin } = options;
  const isPlain = !hasRules(tools) && !bridge && !profiles && !accounts &&
    !findLogin;
  if (isPlain) return new Upstream(options);
  const { createLayers } = await import("./client_layers.ts");
  return createLayers(options);
}
