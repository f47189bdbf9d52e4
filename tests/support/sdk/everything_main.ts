/**
 * Runs `@modelcontextprotocol/server-everything` over Streamable HTTP, on a
 * free port of loopback instead of a fixed one of every interface, and says
 * which on stdout.
 */

import { Server } from "node:net";
import process from "node:process";

const listen = Server.prototype.listen;
Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
  this.once("listening", () => {
    const address = this.address();
    if (typeof address !== "object" || address === null) return;
    console.log(`listening on ${address.port}`);
  });
  const callbacks = args.filter((arg) => typeof arg === "function");
  return Reflect.apply(listen, this, [0, "127.0.0.1", ...callbacks]);
};
process.env.PORT = "0";

await import(
  "@modelcontextprotocol/server-everything/dist/transports/streamableHttp.js"
);
