/** Bytes from one connection to another and back. */

import { connect, type Socket } from "node:net";

/**
 * Joins a connection with a port of 127.0.0.1. Where one side ends, so does the
 * other.
 *
 * @param socket The connection.
 * @param port The port.
 * @param onOpen Called once the two are joined.
 */
export function passOn(
  socket: Socket,
  port: number,
  onOpen: () => void = () => {},
): void {
  const further = connect(port, "127.0.0.1", onOpen);
  for (const [from, to] of [[socket, further], [further, socket]]) {
    from.pipe(to);
    // A side that leaves in the middle is what tests are about.
    from.on("error", () => {});
    from.on("close", () => to.destroy());
  }
}
