/** What the HTTP server mode is handed, and what all its requests share. */

import {
  DEFAULT_MAX_FRAME_BYTES,
  limitConnect,
  type ProxyOptions,
  type ProxySettings,
  settleOptions,
} from "../config/proxy_options.ts";
import type { Naming } from "../naming.ts";
import { hasRules } from "../mcp/tools/rules.ts";
import type { Observer } from "../mcp/transport/observer.ts";
import type { ListenAddress } from "../net/listen_address.ts";
import { Semaphore } from "../semaphore.ts";
import { Deadlines } from "../time.ts";
import type { BodyLimits } from "./body.ts";
import { BodyDiscard } from "./discard.ts";
import type { OwnAnswers } from "./error.ts";
import { MessagePolicy } from "./policy.ts";

/** What {@linkcode runHttpProxy} serves, and how. */
export interface HttpProxyOptions extends ProxyOptions {
  /** The target's MCP endpoint. */
  readonly target: URL;
  /** Where to listen. Port 0 is any that is free. */
  readonly listen: ListenAddress;
  /**
   * Stops the proxy: standalone streams and half-sent bodies end at once, new
   * requests and health checks get 503, and what is under way has `drainMs`.
   */
  readonly signal: AbortSignal;
  /**
   * How long what is under way may take to end when the proxy stops, in
   * milliseconds; 25 s by default. What is left then is given up.
   */
  readonly drainMs?: number;
  /** Ends that time: after a stop everything is over within 300 ms. */
  readonly force?: AbortSignal;
  /** Is told where it listens, as soon as it does. */
  readonly onListen?: (address: ListenAddress) => void;
  /**
   * The bearer token that clients bring. If it is not given one is made, and
   * written to a file of mode 0600 that the log names. `false`: none is asked
   * for, which is for addresses alone that only this machine reaches.
   */
  readonly token?: string | false;
  /**
   * The directory for the file with the token; the system's temporary one by
   * default, and where this one takes no file.
   */
  readonly tokenDirectory?: string;
  /** More names that clients may know it by: a load balancer's, say. */
  readonly hosts?: readonly string[];
  /** The time for a request's head, in milliseconds; 20 s by default. */
  readonly headTimeoutMs?: number;
  /**
   * The time without a byte of a request's body, in milliseconds; 30 s by
   * default.
   */
  readonly bodyIdleTimeoutMs?: number;
  /**
   * The time for the whole of a request's body, in milliseconds; 5 minutes by
   * default.
   */
  readonly bodyTimeoutMs?: number;
  /** The largest head of a request, in bytes; 32 KiB by default. */
  readonly maxHeadBytes?: number;
  /** The largest body of a request, in bytes; 64 MiB by default. */
  readonly maxBodyBytes?: number;
  /**
   * How many requests may be under way at a time, without standalone streams;
   * 1024 by default.
   */
  readonly maxRequests?: number;
  /**
   * How many standalone streams (`GET`, `subscriptions/listen`) there may be at a
   * time; 1024 by default.
   */
  readonly maxStreams?: number;
}

/** What the program adds to them. */
export interface HttpProxyRun extends HttpProxyOptions, Naming {
  /** Is told of the messages on their way; nobody is by default. */
  readonly observer?: Observer;
}

/** What all requests share: the options as they hold, and common limits. */
export interface HttpContext extends ProxySettings, BodyLimits, OwnAnswers {
  readonly target: URL;
  /** What options do to messages; nothing, if it is not there. */
  readonly policy: MessagePolicy | undefined;
  readonly maxRequests: number;
  readonly maxStreams: number;
}

/** How many of the largest bodies are held at a time. */
const HELD_BODIES = 4;

/** @param opened Ends what is opened for the options. */
export function openContext(
  options: HttpProxyRun,
  opened: DisposableStack,
): HttpContext {
  const {
    target,
    observer,
    bodyIdleTimeoutMs = 30_000,
    bodyTimeoutMs = 5 * 60_000,
    maxBodyBytes = DEFAULT_MAX_FRAME_BYTES,
    maxRequests = 1024,
    maxStreams = 1024,
  } = options;
  const settings = settleOptions(options, target, opened);
  const deadlines = new Deadlines();
  opened.defer(() => deadlines.stop());
  return {
    ...settings,
    fetch: limitConnect(options.fetch, options, opened),
    target,
    observer,
    maxBodyBytes,
    bodyIdleTimeoutMs,
    bodyTimeoutMs,
    bodies: new Semaphore(HELD_BODIES * maxBodyBytes),
    deadlines,
    discard: new BodyDiscard(),
    policy: hasRules(settings.tools) || settings.metadata.length > 0
      ? new MessagePolicy(settings)
      : undefined,
    maxRequests,
    maxStreams,
  };
}
