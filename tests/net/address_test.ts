import { assert, assertFalse } from "@std/assert";
import { isLoopback, isPrivateAddress } from "../../src/net/address.ts";

function hostname(host: string): string {
  return new URL(`http://${host}/`).hostname;
}

Deno.test("loopback is known in every way to write it", () => {
  const hosts = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "mcp.localhost",
    "127.0.0.1",
    "127.8.9.10",
    "127.1",
    "2130706433",
    "0x7f.1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
  ];
  for (const host of hosts) assert(isLoopback(hostname(host)), host);
});

Deno.test("what only looks like loopback is none", () => {
  const hosts = [
    "localhost.example",
    "127.0.0.1.example",
    "notlocalhost",
    "128.0.0.1",
    "0.0.0.0",
    "[::]",
    "[::2]",
    "[::ffff:10.0.0.1]",
    "example.com",
  ];
  for (const host of hosts) assertFalse(isLoopback(hostname(host)), host);
});

Deno.test("private addresses are those of RFC 1918 and RFC 4193", () => {
  const hosts = [
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "[fd00::1]",
    "[fc12:3456::1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:192.168.0.1]",
  ];
  for (const host of hosts) assert(isPrivateAddress(hostname(host)), host);
});

Deno.test("public and link-local addresses and names are not private", () => {
  const hosts = [
    "11.0.0.1",
    "8.20.0.1",
    "8.168.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.169.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "[fe80::1]",
    "[2001:db8::1]",
    "[::ffff:8.8.8.8]",
    "10.0.0.1.example",
    "example.com",
  ];
  for (const host of hosts) assertFalse(isPrivateAddress(hostname(host)), host);
});
