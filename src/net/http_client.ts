/**
 * A `fetch` with certificates of its own, over Deno's HTTP client. Proxies from
 * the environment are honoured as by the global `fetch`.
 */

/** What TLS is done with, each in PEM form (RFC 7468). */
export interface TlsMaterial {
  /** Roots to trust besides the usual ones. */
  readonly caCerts: readonly string[];
  /** Who the client is. */
  readonly client: {
    /** The certificate, and those between it and its root. */
    readonly cert: string;
    readonly key: string;
  } | undefined;
}

/** The ways to the network, until they are disposed of. */
export interface TlsFetches extends Disposable {
  /** To the target: all roots, and the client's certificate. */
  readonly toTarget: typeof globalThis.fetch;
  /** To anyone else: all roots, and no word of who the client is. */
  readonly toOthers: typeof globalThis.fetch;
}

/**
 * Opens the ways to the network.
 *
 * @param tls Certificates and key.
 * @param options Whether requests carry a Host that is not the target's, and
 * whether they go over HTTP/1.1 in any case.
 * @returns The ways.
 */
export function openTls(
  { caCerts, client }: TlsMaterial,
  { sendsOtherHost, isHttp1 }: { sendsOtherHost: boolean; isHttp1?: boolean },
): TlsFetches {
  const clients = new DisposableStack();
  const open = (
    options: Deno.CreateHttpClientOptions,
  ): typeof globalThis.fetch => {
    const client = clients.use(Deno.createHttpClient(options));
    return (input, init) => fetch(input, { ...init, client });
  };
  const roots = { caCerts: [...caCerts] };
  const toOthers = caCerts.length === 0 ? globalThis.fetch : open(roots);
  const toTarget = open({
    ...roots,
    ...client,
    // Another Host is for HTTP/1.1 alone.
    ...(sendsOtherHost && { allowHost: true, http2: false }),
    // AWS's load balancers end what is idle for a minute.
    ...(isHttp1 && { http2: false, poolIdleTimeout: 50_000 }),
  });
  return { toTarget, toOthers, [Symbol.dispose]: () => clients.dispose() };
}
