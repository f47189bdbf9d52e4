/**
 * The layers between the client and the upstream: the gate before tools, the
 * router of profiles, the bridge between eras, the login. Loaded where an option
 * asks for one of them.
 */

import { EraBridge, type EraBridgeOptions } from "../mcp/bridge/bridge.ts";
import {
  type FindLogin,
  LoginLink,
  type LoginLinkOptions,
} from "../mcp/login/login_link.ts";
import type { IdentitySelection } from "../mcp/profiles/argument.ts";
import { IdentityRouter } from "../mcp/profiles/router.ts";
import { ToolSchemas } from "../mcp/stateless/tool_schemas.ts";
import { ToolGate } from "../mcp/tools/gate.ts";
import { ToolPolicy } from "../mcp/tools/policy.ts";
import { hasRules, type ToolRules } from "../mcp/tools/rules.ts";
import type { HoldingFetch } from "../net/fetching.ts";
import type { Link } from "../mcp/transport/link.ts";
import { Upstream, type UpstreamOptions } from "../mcp/upstream.ts";
import type { Metadata } from "../mcp/wire/metadata.ts";
import {
  type AccountRules,
  accountSelection,
  partsOfIdentity,
  profileSelection,
  writeSelection,
} from "./identities.ts";

export interface ClientLinkOptions extends UpstreamOptions {
  readonly tools: ToolRules;
  /** Whether a client and a target of different eras are brought together. */
  readonly bridge?: boolean;
  /** Finds the login that fixes a failure, where users are to be asked. */
  readonly findLogin?: FindLogin;
  /** Further profiles, by name, each with what sends its requests. */
  readonly profiles: ReadonlyMap<string, HoldingFetch> | undefined;
  /** What is put into requests for a profile, in place of `metadata`. */
  readonly profileMetadata?: ReadonlyMap<string, Metadata>;
  /** The accounts that calls may name. */
  readonly accounts?: Accounts;
  /** Sends the calls of tools that do not say that they only read. */
  readonly writer?: HoldingFetch;
}

export interface Accounts extends AccountRules {
  /** Makes what sends for one of them, until it is disposed of. */
  readonly open: (
    account: string,
    role: string | undefined,
  ) => HoldingFetch & Disposable;
}

/** The options with the policy of the gate before them, if there is one. */
interface Gated extends ClientLinkOptions {
  readonly policy?: ToolPolicy;
}

/**
 * How long what a tool says of itself is trusted. Most targets tell when
 * their tools change; this is for those that do not.
 */
const TOOLS_MAX_AGE_MS = 5 * 60_000;

export function createLayers(options: ClientLinkOptions): Link {
  const { findLogin, writer } = options;
  const within = (options: ClientLinkOptions) =>
    gated(options, routed, writer !== undefined);
  if (!findLogin) return within(options);
  const link: LoginLinkOptions["link"] = (whenReady) =>
    within({ ...options, whenReady });
  return new LoginLink({ ...options, findLogin, link });
}

function gated(
  options: ClientLinkOptions,
  link: (options: Gated) => Link,
  hasWriter = false,
): Link {
  const { tools, names } = options;
  if (!hasRules(tools)) return link(options);
  const memory = { maxAgeMs: TOOLS_MAX_AGE_MS, hasWriter, names };
  const policy = new ToolPolicy(tools, memory);
  return new ToolGate({
    ...options,
    policy,
    link: (emit, callGuard) => link({ ...options, emit, callGuard, policy }),
  });
}

function routed(options: Gated): Link {
  const selection = selectionOf(options);
  if (!selection) return upstream(options);
  // Tools are listed over the first link alone, and called over all of them.
  const toolSchemas = new ToolSchemas(options.log);
  return new IdentityRouter({
    ...options,
    selection,
    link: (identity, emit, onAnswer) => {
      const own: ClientLinkOptions = {
        ...options,
        emit,
        toolSchemas,
        emitPieces: (pieces, id) =>
          options.emitPieces(pieces, id).finally(() => onAnswer(id)),
      };
      if (identity !== undefined) return linkOf(identity, own);
      const [first = ""] = options.profiles?.keys() ?? [];
      return upstream(withProfile(first, own));
    },
  });
}

function selectionOf(
  { profiles, accounts, writer, policy, names }: Gated,
): IdentitySelection | undefined {
  if (profiles) return profileSelection([...profiles.keys()], names);
  if (accounts) return accountSelection(accounts, names);
  return writer && policy && writeSelection(policy, names);
}

/** The link of another identity than the first. */
function linkOf(identity: string, options: ClientLinkOptions): Link {
  const { accounts, writer: fetch } = options;
  if (accounts) {
    const opened = accounts.open(...partsOfIdentity(identity));
    return disposing(gated({ ...options, fetch: opened }, upstream), opened);
  }
  // The gate before the router has looked at what goes here.
  if (fetch) return upstream({ ...options, fetch, callGuard: undefined });
  // What a tool says of itself to one account holds for no other.
  return gated(withProfile(identity, options), upstream);
}

function withProfile(
  profile: string,
  options: ClientLinkOptions,
): ClientLinkOptions {
  const { profiles, profileMetadata, fetch, metadata } = options;
  return {
    ...options,
    fetch: profiles?.get(profile) ?? fetch,
    metadata: profileMetadata?.get(profile) ?? metadata,
  };
}

function disposing(link: Link, opened: Disposable): Link {
  return {
    accept: (bytes, message) => link.accept(bytes, message),
    holds: (id) => link.holds?.(id) === true,
    drain: (deadline) => link.drain(deadline),
    close: (limitMs) =>
      link.close(limitMs).finally(() => opened[Symbol.dispose]()),
  };
}

function upstream(options: ClientLinkOptions): Link {
  if (!options.bridge) return new Upstream(options);
  // What a target sends on its own is part of what the bridge carries, and the
  // bridge reads every answer, to give it the client's ID and form.
  const own = { ...options, standaloneStream: true, passesInPieces: false };
  const link: EraBridgeOptions["link"] = (emit, pass) =>
    new Upstream({ ...own, pass, emit });
  return new EraBridge({ ...options, link });
}
