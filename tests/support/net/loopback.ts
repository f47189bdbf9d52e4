/** Servers of Node.js on 127.0.0.1. */

import { once } from "node:events";
import type { Server, Socket } from "node:net";

/** Listens; resolves to the port, a free one where none is given. */
export async function listenOn(server: Server, port = 0): Promise<number> {
  await once(server.listen(port, "127.0.0.1"), "listening");
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error("the server has no port");
  }
  return address.port;
}

/** Closes a server and what is connected to it. */
export async function closeServer(
  server: Server,
  sockets: Iterable<Socket>,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  for (const socket of sockets) socket.destroy();
  await promise;
}
