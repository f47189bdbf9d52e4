/** A listener that takes no more connections: the next one gets no answer. */

/** How many connections wait in the queue of a listener, beyond what it says. */
const QUEUED = 2;

/** A listener that accepts nothing, with its queue full. */
export class FullListener implements Disposable {
  readonly #stack = new DisposableStack();

  private constructor(readonly url: URL) {}

  /** Works on Linux: elsewhere a full queue refuses at once. */
  static async start(): Promise<FullListener> {
    const hostname = "127.0.0.1";
    const listener = Deno.listen({
      hostname,
      port: 0,
      // @ts-ignore not in the types; without effect where it is not known
      tcpBacklog: QUEUED - 1,
    });
    const { port } = listener.addr;
    const full = new FullListener(new URL(`http://${hostname}:${port}/mcp`));
    full.#stack.use(listener);
    for (let queued = 0; queued < QUEUED; queued++) {
      full.#stack.use(await Deno.connect({ hostname, port }));
    }
    return full;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}
