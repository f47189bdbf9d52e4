/** A Host signed and sent that is not the target's. */

import {
  assertEquals,
  assertInstanceOf,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { createSignedFetch } from "../../../src/aws/signing/signed_fetch.ts";
import { ConfigError } from "../../../src/errors.ts";
import { KEY, SCOPE, signedFetchTo, startGate } from "./sign_world.ts";

Deno.test("another host is signed and sent towards loopback", async () => {
  await using gate = await startGate();
  using signedFetch = signedFetchTo(gate, { signHost: "api.example:8443" });
  const response = await signedFetch(gate.origin, {
    method: "POST",
    body: "x",
  });
  assertEquals(await response.text(), "ok");
  assertEquals((await gate.records.next()).header("host"), "api.example:8443");
});

Deno.test("another host is signed towards nobody but loopback, private addresses and VPC endpoints", () => {
  const signs = (origin: string): boolean => {
    try {
      using _ = createSignedFetch({
        origin,
        credentials: KEY,
        signHost: "api.example",
        ...SCOPE,
      });
      return true;
    } catch (error) {
      assertInstanceOf(error, ConfigError);
      assertStringIncludes(error.message, "signHost");
      return false;
    }
  };
  const allowed = [
    "http://localhost:1",
    "http://a.localhost",
    "http://localhost.",
    "http://127.0.0.1",
    "http://127.1",
    "https://10.1.2.3",
    "https://172.16.0.1",
    "https://172.31.255.255",
    "https://192.168.1.1",
    "http://[::1]:80",
    "https://[fd12:3456::1]",
    "https://[::ffff:10.0.0.1]",
    "https://vpce-0a-b.execute-api.us-east-1.vpce.amazonaws.com",
    "https://vpce-1.execute-api.us-iso-east-1.vpce.c2s.ic.gov.",
    "https://vpce-1.execute-api.eusc-de-east-1.vpce.amazonaws.eu",
    "https://VPCE-1.lambda.us-east-1.VPCE.amazonaws.com",
  ];
  const refused = [
    "https://example.com",
    "https://8.8.8.8",
    "https://172.32.0.1",
    "https://172.15.0.1",
    "https://192.169.1.1",
    "https://11.0.0.1",
    "http://169.254.169.254",
    "https://[fe80::1]",
    "https://[2001:db8::1]",
    "https://[::ffff:8.8.8.8]",
    "https://localhost.example.com",
    "https://10.0.0.1.example.com",
    "https://vpce.amazonaws.com",
    "https://x.vpce.amazonaws.com.example.com",
    "https://xvpce.amazonaws.com",
    "https://api.execute-api.us-east-1.amazonaws.com",
  ];
  assertEquals(allowed.filter((origin) => !signs(origin)), []);
  assertEquals(refused.filter(signs), []);
});

Deno.test("a host to sign that is no host is a configuration error", () => {
  for (const signHost of ["", "a/b", "a b", "a\r\nx: y", "https://a", "a:b"]) {
    assertThrows(
      () =>
        createSignedFetch({
          origin: "http://localhost",
          credentials: KEY,
          signHost,
          ...SCOPE,
        }),
      ConfigError,
      "signHost must be a host name",
    );
  }
});
