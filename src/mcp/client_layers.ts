/**
 * The layers between the client and the upstream: the gate before tools, the
 * router of profiles, the bridge between eras, the login. Loaded where an option asks for
 * one of them.
 *
 * @module
 */

import { EraBridge } from "./bridge/bridge.ts";
import { type FindLogin, LoginLink } from "./login/login_link.ts";
import type { Emit, Link } from "./transport/link.ts";
import { ProfileRouter } from "./profiles/router.ts";
import { ToolGate } from "./tools/gate.ts";
import { ToolPolicy } from "./tools/policy.ts";
import { hasRules, type ToolRules } from "./tools/rules.ts";
import { ToolSchemas } from "./stateless/tool_schemas.ts";
import type { Metadata } from "./wire/metadata.ts";
import { Upstream, type UpstreamOptions } from "./upstream.ts";

/** What the layers are made of. */
export interface ClientLinkOptions extends UpstreamOptions {
  /** Which tools may be seen and called. */
  readonly tools: ToolRules;
  /** Whether a client and a target of different eras are brought together. */
  readonly bridge: boolean;
  /** Finds the login that mends a failure, where users are to be asked. */
  readonly findLogin: FindLogin | undefined;
  /** Further profiles, by name, each with what sends its requests. */
  readonly profiles: ReadonlyMap<string, typeof globalThis.fetch> | undefined;
  /** What is put into requests for a profile, in place of `metadata`. */
  readonly profileMetadata?: ReadonlyMap<string, Metadata>;
}

/**
 * How long a tool is believed what it says of itself. Most targets tell when
 * their tools change; this is for those that do not.
 */
const TOOLS_MAX_AGE_MS = 5 * 60_000;

/** The outermost of the layers that the options ask for. */
export function createLayers(options: ClientLinkOptions): Link {
  const { findLogin, emit, log } = options;
  if (!findLogin) return gated(options, emit, routed);
  return new LoginLink({
    emit,
    log,
    findLogin,
    link: (whenReady) => gated({ ...options, whenReady }, emit, routed),
  });
}

/** A link with the gate before it that the tool rules ask for. */
function gated(
  options: ClientLinkOptions,
  emit: Emit,
  link: (options: ClientLinkOptions, emit: Emit) => Link,
): Link {
  const { tools, log, observer } = options;
  if (!hasRules(tools)) return link(options, emit);
  return new ToolGate({
    policy: new ToolPolicy(tools, { maxAgeMs: TOOLS_MAX_AGE_MS }),
    emit,
    log,
    observer,
    link: (emit, callGuard) => link({ ...options, callGuard }, emit),
  });
}

function routed(options: ClientLinkOptions, emit: Emit): Link {
  const { profiles, log, fetch, observer } = options;
  if (!profiles) return upstream(options, emit, fetch);
  const [first] = profiles.keys();
  // Tools are listed over the first link alone, and called over all of them.
  const toolSchemas = new ToolSchemas(log);
  return new ProfileRouter({
    profiles: [...profiles.keys()],
    emit,
    log,
    observer,
    link: (profile, emit, onAnswer) => {
      const own: ClientLinkOptions = {
        ...options,
        metadata: options.profileMetadata?.get(profile) ?? options.metadata,
        toolSchemas,
        emitPieces: (pieces, id) =>
          options.emitPieces(pieces, id).finally(() => onAnswer(id)),
      };
      const send = profiles.get(profile) ?? fetch;
      if (profile === first) return upstream(own, emit, send);
      // What a tool says of itself to one account holds for no other.
      return gated(own, emit, (options, emit) => upstream(options, emit, send));
    },
  });
}

function upstream(
  options: ClientLinkOptions,
  emit: Emit,
  fetch: typeof globalThis.fetch,
): Link {
  if (!options.bridge) return new Upstream({ ...options, fetch, emit });
  // What a target sends on its own is part of what the bridge carries.
  const bridged = {
    ...options,
    fetch,
    standingStream: true,
    // The bridge reads every answer, to give it the client's ID and form.
    passesInPieces: false,
  };
  return new EraBridge({
    emit,
    log: options.log,
    link: (emit, pass) => new Upstream({ ...bridged, pass, emit }),
  });
}
