import { assertEquals } from "@std/assert";
import {
  isLocal,
  type ListenAddress,
  parseListenAddress,
} from "../../src/net/listen_address.ts";

const ADDRESSES: Readonly<Record<string, ListenAddress | undefined>> = {
  "127.0.0.1:8080": { hostname: "127.0.0.1", port: 8080 },
  "localhost:80": { hostname: "localhost", port: 80 },
  "[::1]:8080": { hostname: "::1", port: 8080 },
  "[0:0:0:0:0:0:0:1]:8080": { hostname: "::1", port: 8080 },
  "0.0.0.0:0": { hostname: "0.0.0.0", port: 0 },
  "PROXY.internal:65535": { hostname: "proxy.internal", port: 65535 },
  "unix:/run/proxy.sock": { path: "/run/proxy.sock" },
  "unix:proxy.sock": { path: "proxy.sock" },
  "unix:": undefined,
  "127.0.0.1": undefined,
  "8080": undefined,
  ":8080": undefined,
  ".:8080": undefined,
  "::1:8080": undefined,
  "127.0.0.1:65536": undefined,
  "127.0.0.1:-1": undefined,
  "127.0.0.1:80a": undefined,
  "http://127.0.0.1:8080": undefined,
  "127.0.0.1:8080/mcp": undefined,
  "user@host:8080": undefined,
  "": undefined,
};

for (const [text, address] of Object.entries(ADDRESSES)) {
  const outcome = address === undefined ? "no address" : "an address";
  Deno.test(`'${text}' is ${outcome} to listen at`, () => {
    assertEquals(parseListenAddress(text), address);
  });
}

Deno.test("loopback and Unix sockets are local, all interfaces and names are not", () => {
  const local = (text: string) => {
    const address = parseListenAddress(text);
    return address !== undefined && isLocal(address);
  };
  assertEquals(
    ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "unix:x"]
      .map(local),
    [true, true, true, true, true],
  );
  assertEquals(
    ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "proxy.internal:1"].map(local),
    [false, false, false, false],
  );
});
