/** What a target echoes of a refused request: compared, and never passed on. */

import {
  assert,
  assertEquals,
  assertExists,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { explainRefusal } from "../../../src/aws/refusals/refusal.ts";
import {
  describeDifference,
  firstDifference,
} from "../../../src/aws/refusals/echo.ts";
import type { SignedFetchOptions } from "../../../src/aws/signing/signed_fetch.ts";
import type { ProxyError } from "../../../src/errors.ts";
import { Redactor } from "../../../src/redact/redact.ts";
import type { IamGate, IamGateOptions } from "../../support/aws/iam_gate.ts";
import type { VerifierOptions } from "../../support/sigv4/verifier.ts";
import * as world from "../signing/sign_world.ts";
import { keptLog } from "../../support/kept_log.ts";

const KEY = {
  accessKeyId: "ASIAEXAMPLEKEYID0001",
  secretAccessKey: "a-secret-access-key/for+tests",
  sessionToken: "a-session-token/for+tests==",
};

function startGate(
  verifier: Partial<VerifierOptions> = {},
  options: Partial<IamGateOptions> = {},
): Promise<IamGate> {
  const principals = { [KEY.accessKeyId]: KEY };
  return world.startGate({ principals, ...verifier }, options);
}

/** The error that a refused request becomes, and all that was logged of it. */
async function refusedBy(
  gate: IamGate,
  {
    path = "mcp?api_key=a-query-secret",
    change = (url) => url,
    headers = {},
    ...options
  }: Partial<SignedFetchOptions> & {
    path?: string;
    headers?: Record<string, string>;
    /** What happens to the request's URL on its way. */
    change?: (url: URL) => URL;
  } = {},
): Promise<{ error: ProxyError; shown: string }> {
  const { log, lines } = keptLog();
  const redactor = new Redactor();
  const signedFetch = world.signedFetchTo(gate, {
    credentials: KEY,
    log,
    redactor,
    fetch: (input, init) => fetch(change(new URL(`${input}`)), init),
    ...options,
  });
  const response = await signedFetch(new URL(path, gate.origin), {
    method: "POST",
    body: "{}",
    headers: { "content-type": "application/json", ...headers },
  });
  const error = explainRefusal(response, await response.text());
  assertExists(error);
  const shown = `${error.message}\n${error.stack}\n${
    JSON.stringify(error.data)
  }\n${lines.join("\n")}`;
  return { error, shown };
}

/** Nothing of what was sent may be in what is shown. */
function assertNoSecrets(shown: string): void {
  assert(!shown.includes(KEY.secretAccessKey));
  assert(!shown.includes(KEY.sessionToken));
  assert(!shown.includes(encodeURIComponent(KEY.sessionToken)));
  assert(!shown.includes(KEY.accessKeyId));
  assertNotMatch(shown, /[0-9a-f]{64}/);
  assertNotMatch(shown, /Canonical String|String-to-Sign|a-query-secret/);
}

for (const dress of ["api-gateway", "json", "xml"] as const) {
  Deno.test(`a signature refused as ${dress} names the first line that differs`, async () => {
    await using gate = await startGate({}, { dress });
    const { error, shown } = await refusedBy(gate, {
      path: "a%20b?api_key=a-query-secret",
      change: (url) => {
        url.pathname = "/c";
        return url;
      },
    });
    assertEquals(error.reason, "signature");
    assertEquals(error.data.cause, "signature-mismatch");
    assertEquals(error.data.firstDifference, {
      part: "path",
      signed: "/a%2520b",
      computed: "/c",
    });
    assertStringIncludes(
      error.message,
      "the path was signed as /a%2520b, the target computed /c",
    );
    assertStringIncludes(shown, '"part\\":\\"path');
    assertNoSecrets(shown);
  });
}

Deno.test("a query that differs is named, not shown", async () => {
  await using gate = await startGate();
  const { error, shown } = await refusedBy(gate, {
    change: (url) => {
      url.search += "&b=2";
      return url;
    },
  });
  assertEquals(error.data.firstDifference, { part: "query" });
  assertNoSecrets(shown);
});

Deno.test("a header that differs is named, its value shown only where it is no secret", async () => {
  await using gate = await startGate();
  const through =
    (name: string, value: string): typeof fetch => (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set(name, value);
      return fetch(input, { ...init, headers });
    };
  const type = await refusedBy(gate, { fetch: through("content-type", "a/b") });
  assertEquals(type.error.data.firstDifference, {
    part: "header content-type",
    signed: "application/json",
    computed: "a/b",
  });
  const version = await refusedBy(gate, {
    headers: { "mcp-protocol-version": "2025-11-25" },
    fetch: through("mcp-protocol-version", "2025-06-18"),
  });
  assertEquals(version.error.data.firstDifference, {
    part: "header mcp-protocol-version",
    signed: "2025-11-25",
    computed: "2025-06-18",
  });
  const session = await refusedBy(gate, {
    headers: { "mcp-session-id": "a-session-id" },
    fetch: through("mcp-session-id", "another-session-id"),
  });
  assertEquals(session.error.data.firstDifference, {
    part: "header mcp-session-id",
  });
  assertStringIncludes(
    session.error.message,
    "the target computed another value for the header mcp-session-id",
  );
  assertNotMatch(session.shown, /a-session-id|another-session-id/);
  assertNoSecrets(session.shown);
});

Deno.test("a body that was changed on the way is told", async () => {
  await using gate = await startGate();
  const { error, shown } = await refusedBy(gate, {
    contentHashHeader: false,
    fetch: (input, init) => fetch(input, { ...init, body: "changed" }),
  });
  assertMatch(error.message, /another body/);
  assertNoSecrets(shown);
});

Deno.test("a target that wants the body's hash signed has it named, and the option that leaves it out", async () => {
  await using gate = await startGate();
  const { error } = await refusedBy(gate, { unsignedPayload: true });
  assertStringIncludes(error.message, "leave out unsignedPayload");
});

Deno.test("a mismatch that a target does not explain is put down to no part of the request", async () => {
  await using gate = await startGate({}, {
    refuse: () => ({
      type: "InvalidSignatureException",
      message: "The request signature we calculated does not match",
    }),
  });
  const { error } = await refusedBy(gate);
  assertEquals(error.data.firstDifference, undefined);
  assertStringIncludes(error.message, "and that no proxy on the way changes");
});

Deno.test("when the target saw the same request, it is the secret key", async () => {
  await using gate = await startGate({
    principals: {
      [KEY.accessKeyId]: { ...KEY, secretAccessKey: "another-secret" },
    },
  });
  const { error, shown } = await refusedBy(gate);
  assertEquals(error.data.firstDifference, undefined);
  assertMatch(error.message, /secret access key is not the one of.*ASIA…0001/);
  assertNoSecrets(shown);
});

Deno.test("a wrong region tells what was signed for", async () => {
  await using gate = await startGate({ region: "us-east-1" });
  const { error, shown } = await refusedBy(gate);
  assertEquals(error.data.cause, "wrong-scope");
  assertStringIncludes(error.message, "signed for execute-api in eu-west-1");
  assertNoSecrets(shown);
});

Deno.test("a clock that stays off, though it was corrected, is told with its offset", async () => {
  const clock = () => Date.now() + 3_600_000;
  await using gate = await startGate({ clock }, {
    refuse: () => ({
      type: "InvalidSignatureException",
      message: "Signature expired: 20260101T000000Z is now earlier than …",
    }),
  });
  const { error } = await refusedBy(gate);
  assertEquals(gate.records.length, 2);
  assertEquals(error.data.cause, "clock-skew");
  assertMatch(error.message, /clock is 3[56]\d\d s behind the target's/);
});

Deno.test("a signature that came too late is not the fault of a clock that is right", async () => {
  await using gate = await startGate({}, {
    refuse: () => ({
      type: "InvalidSignatureException",
      message: "Signature expired: 20260101T000000Z is now earlier than …",
    }),
  });
  const { error } = await refusedBy(gate);
  assertEquals(error.data.cause, "clock-skew");
  assertStringIncludes(error.message, "arrived too late");
});

Deno.test("an echo in an unexpected form still gives nothing away", async () => {
  const whole = `User: ${KEY.accessKeyId} is not authorized to perform: a:B ` +
    `on resource: ${encodeURIComponent(KEY.sessionToken)} `;
  const echo = (name: string): string =>
    JSON.stringify({
      message:
        `${
          named ? whole : ""
        }User: ${KEY.accessKeyId} with ${KEY.sessionToken} and ` +
        `${KEY.secretAccessKey} is not authorized to perform: ${name} on ` +
        `resource: ${encodeURIComponent(KEY.sessionToken)} X-Amz-Signature=` +
        "0123456789abcdef".repeat(4),
    });
  let named = false;
  await using gate = await startGate({}, {
    handler: (_request, response) => {
      response.writeHead(403, { "x-amzn-errortype": "AccessDeniedException" });
      response.end(echo("a:B"));
    },
  });
  for (named of [false, true]) {
    const { error, shown } = await refusedBy(gate);
    assertEquals(error.data.cause, "not-authorized");
    assertEquals("principal" in error.data, named);
    assertNoSecrets(shown);
  }
});

Deno.test("a header that only one side has is named with the value of that side", () => {
  const without = "POST\n/mcp\n\nhost:h\n\nhost\n00";
  const having = "POST\n/mcp\n\nhost:h\nx-amz-date:d\n\nhost\n00";
  const part = "header x-amz-date";
  const redact = (text: string) => text;
  const ours = firstDifference(having, without, redact);
  assertEquals(ours, { part, signed: "d", computed: undefined });
  assertExists(ours);
  assertEquals(
    describeDifference(ours),
    `the ${part} was signed as d, the target has none`,
  );
  const theirs = firstDifference(without, having, redact);
  assertEquals(theirs, { part, signed: undefined, computed: "d" });
  assertExists(theirs);
  assertEquals(
    describeDifference(theirs),
    `the ${part} was not signed, the target computed d`,
  );
});

Deno.test("a line of an echo that is no header is named nowhere", () => {
  const ours = "POST\n/mcp\n\nhost:h\n\nhost\n00";
  const theirs = "POST\n/mcp\n\nhost:h\na-line-that-is-secret\n\nhost\n00";
  assertEquals(firstDifference(ours, theirs, (text) => text), undefined);
});
