/** The signed fetch against real servers on loopback. */

import {
  assert,
  assertEquals,
  assertNotMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { explainRefusal } from "../../../../src/aws/refusals/refusal.ts";
import {
  createSignedFetch,
  type SignedFetchOptions,
} from "../../../../src/aws/signing/signed_fetch.ts";
import type { CredentialSource } from "../../../../src/aws/credentials/types.ts";
import { ConfigError, CredentialsError } from "../../../../src/errors.ts";
import { Redactor } from "../../../../src/redact/redact.ts";
import { KEY, SCOPE, signedFetchTo, startGate } from "../sign_world.ts";
import { allSigned } from "../../../support/sigv4/verifier.ts";
import type { IamGate } from "../../../support/aws/iam_gate.ts";
import { keptLog } from "../../../support/kept_log.ts";

Deno.test("a Request is sent as it is, and init overrides it as in fetch", async () => {
  await using gate = await startGate();
  const signedFetch = signedFetchTo(gate);
  const request = (): Request =>
    new Request(gate.origin, {
      method: "PUT",
      headers: { "x-a": "1" },
      body: "one",
    });

  await (await signedFetch(request())).text();
  const first = await gate.records.next();
  assertEquals(first.method, "PUT");
  assertEquals(first.header("x-a"), "1");
  assertEquals(first.text(), "one");

  const init = { method: "PATCH", headers: { "x-b": "2" }, body: "two" };
  await (await signedFetch(request(), init)).text();
  const second = await gate.records.next();
  assertEquals(second.method, "PATCH");
  assertEquals(second.header("x-a"), undefined);
  assertEquals(second.header("x-b"), "2");
  assertEquals(second.text(), "two");

  await (await signedFetch(request(), { body: null })).text();
  assertEquals((await gate.records.next()).text(), "one");
});

Deno.test("a header value that is no text is taken as fetch takes it", async () => {
  await using gate = await startGate();
  const signedFetch = signedFetchTo(gate);
  const values = JSON.parse('{"x-a":1,"x-b":["2","3"]}');
  for (const headers of [values, Object.entries(values)]) {
    const { status } = await signedFetch(gate.origin, { headers });
    const record = await gate.records.next();
    const seen = ["x-a", "x-b"].map((name) => record.header(name));
    assertEquals([status, ...seen], [200, "1", "2,3"]);
  }
});

Deno.test("URL, string and lower-case method are taken as fetch takes them", async () => {
  await using gate = await startGate();
  const signedFetch = signedFetchTo(gate);
  for (const input of [gate.origin, `${gate.origin}`]) {
    await (await signedFetch(input, { method: "delete" })).text();
    assertEquals((await gate.records.next()).method, "DELETE");
  }
  await assertRejects(() => signedFetch("/relative"), TypeError);
  await assertRejects(
    () => signedFetch(gate.origin, { method: "GET", body: "x" }),
    TypeError,
  );
});

Deno.test("connections are reused", async () => {
  await using gate = await startGate();
  const signedFetch = signedFetchTo(gate);
  for (let i = 0; i < 5; i++) {
    await (await signedFetch(gate.origin, { method: "POST", body: "x" }))
      .text();
  }
  assertEquals(gate.connectionCount, 1);
});

Deno.test("a URL of another origin is neither signed nor sent", async (t) => {
  await using gate = await startGate();
  await using other = await startGate();
  const signedFetch = signedFetchTo(gate, {
    credentials: () => Promise.reject(new Error("asked for credentials")),
  });
  for (
    const url of [
      `${other.origin}`,
      `http://localhost:${gate.origin.port}/`,
      `https://127.0.0.1:${gate.origin.port}/`,
      `http://127.0.0.1:${gate.origin.port}@example.com/`,
      "data:text/plain,x",
      "file:///etc/passwd",
    ]
  ) {
    await t.step(url, async () => {
      await assertRejects(
        () => signedFetch(url),
        TypeError,
        "is not an origin to sign for",
      );
      await assertRejects(() => signedFetch(new Request(url)), TypeError);
    });
  }
  await assertRejects(
    () => signedFetch(`http://a:b@127.0.0.1:${gate.origin.port}/`),
    TypeError,
    "credentials",
  );
  assertEquals(gate.records.length + other.records.length, 0);
});

Deno.test("several origins are signed for", async () => {
  await using one = await startGate();
  await using two = await startGate();
  const signedFetch = signedFetchTo(one, {
    origin: [one.origin, `${two.origin}some/path`],
  });
  for (const gate of [one, two]) {
    assertEquals(await (await signedFetch(gate.origin)).text(), "ok");
  }
});

Deno.test("an origin that is no http URL is a configuration error", () => {
  for (const origin of ["", "example.com", "ftp://example.com", "data:,"]) {
    assertThrows(
      () => createSignedFetch({ origin, credentials: KEY, ...SCOPE }),
      ConfigError,
      "http or https",
    );
  }
});

Deno.test("a redirect is handed over, not followed, whatever is asked for", async () => {
  await using gate = await startGate({}, {
    handler: (_request, response) => {
      response.writeHead(307, { location: "/elsewhere" }).end();
    },
  });
  const signedFetch = signedFetchTo(gate);
  for (const redirect of ["follow", "error", "manual"] as const) {
    const response = await signedFetch(gate.origin, { redirect });
    assertEquals(response.status, 307);
    assertEquals(response.headers.get("location"), "/elsewhere");
    await response.body?.cancel();
  }
  assertEquals(gate.records.length, 3);
});

Deno.test("credentials that cannot be had reject the fetch as they are", async () => {
  await using gate = await startGate();
  const error = new CredentialsError("failed to load AWS credentials");
  const signedFetch = signedFetchTo(gate, {
    credentials: { get: () => Promise.reject(error) },
  });
  const thrown = await assertRejects(() => signedFetch(gate.origin));
  assertStrictEquals(thrown, error);
  assertEquals(gate.records.length, 0);
});

Deno.test("an abort is heard before, while credentials are awaited, and while the answer is", async (t) => {
  const reason = new Error("no longer wanted");

  /** Sends until that is aborted, and is told the reason. */
  async function aborted(
    gate: IamGate,
    { signal }: AbortController,
    init: RequestInit = {},
    options: Partial<SignedFetchOptions> = {},
  ): Promise<void> {
    const signedFetch = signedFetchTo(gate, options);
    const sent = signedFetch(gate.origin, { ...init, signal });
    assertStrictEquals(await assertRejects(() => sent), reason);
  }

  await t.step("before", async () => {
    await using gate = await startGate();
    const aborter = new AbortController();
    aborter.abort(reason);
    await aborted(gate, aborter);
    assertEquals(gate.records.length, 0);
  });

  await t.step("while credentials are awaited", async () => {
    await using gate = await startGate();
    const aborter = new AbortController();
    let handed: AbortSignal | undefined;
    const credentials: CredentialSource = {
      get(options) {
        handed = options?.signal;
        aborter.abort(reason);
        return new Promise(() => {});
      },
    };
    await aborted(gate, aborter, {}, { credentials });
    assertStrictEquals(handed, aborter.signal);
    assertEquals(gate.records.length, 0);
  });

  await t.step("while the body is read", async () => {
    await using gate = await startGate();
    const aborter = new AbortController();
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: () => {
        aborter.abort(reason);
        return new Promise(() => {});
      },
    });
    await aborted(gate, aborter, { method: "POST", body });
  });

  await t.step("while the answer is awaited", async () => {
    await using gate = await startGate({}, { handler: () => {} });
    const aborter = new AbortController();
    const { signal } = aborter;
    const answer = signedFetchTo(gate)(new Request(gate.origin, { signal }));
    const record = await gate.records.next();
    aborter.abort(reason);
    assertStrictEquals(await assertRejects(() => answer), reason);
    assertEquals(await record.ended, "cut");
  });

  await t.step("while fresh credentials are awaited", async () => {
    await using gate = await startGate({ principals: {} });
    const aborter = new AbortController();
    const credentials: CredentialSource = {
      get(options) {
        if (options?.refresh === undefined) return Promise.resolve(KEY);
        aborter.abort(reason);
        return new Promise(() => {});
      },
    };
    await aborted(gate, aborter, {}, { credentials });
  });
});

/** Nothing is configured, and requests may go unsigned. */
const UNCONFIGURED = {
  skipAuth: true,
  credentials: () =>
    Promise.reject(
      new CredentialsError("none", { data: { configured: false } }),
    ),
};

Deno.test("with skipAuth requests go unsigned when nothing is configured, and that is said once", async () => {
  await using gate = await startGate();
  const { log, lines } = keptLog();
  const signedFetch = signedFetchTo(gate, { ...UNCONFIGURED, log });
  for (let i = 0; i < 2; i++) {
    const init = { method: "POST", body: "x" };
    const response = await signedFetch(gate.origin, init);
    assertEquals(response.status, 403);
    assertStringIncludes(await response.text(), "Missing Authentication Token");
    const record = await gate.records.next();
    assertEquals(record.header("authorization"), undefined);
    assertEquals(record.text(), "x");
  }
  assertEquals(lines.length, 1);
});

Deno.test("with skipAuth credentials that are configured but fail stay an error", async () => {
  await using gate = await startGate();
  for (const data of [{}, { configured: true }]) {
    const error = new CredentialsError("expired", { data });
    const credentials = () => Promise.reject(error);
    const signedFetch = signedFetchTo(gate, { skipAuth: true, credentials });
    const thrown = await assertRejects(() => signedFetch(gate.origin));
    assertStrictEquals(thrown, error);
  }
  assertEquals(gate.records.length, 0);
});

Deno.test("the redactor is told each secret in use", async () => {
  await using gate = await startGate();
  const redactor = new Redactor();
  const session = { ...KEY, sessionToken: "token/with+signs==" };
  const signedFetch = signedFetchTo(gate, { credentials: session, redactor });
  await (await signedFetch(gate.origin)).text();
  const text = `${session.secretAccessKey} ${session.sessionToken} ${
    encodeURIComponent(session.sessionToken)
  }`;
  assertNotMatch(redactor.redact(text), /wJalr|token/);
});

Deno.test("a v4a fetch signs from its first request on", async () => {
  await using gate = await startGate();
  const v4a = { signatureVersion: "v4a", region: "*" } as const;
  const signedFetch = signedFetchTo(gate, v4a);
  for (let i = 0; i < 3; i++) {
    const init = { method: "POST", body: "x" };
    const response = await signedFetch(gate.origin, init);
    assertEquals(await response.text(), "ok");
    await signedFetch.warmUp();
  }
  assert(allSigned(gate.records.all));
});

Deno.test("a blob: URL of an origin to sign for is none to sign for", async () => {
  await using gate = await startGate();
  await assertRejects(
    () => signedFetchTo(gate)(`blob:${gate.origin.origin}/x`),
    TypeError,
    "is not an origin to sign for",
  );
  assertEquals(gate.records.length, 0);
});

Deno.test("the log that is handed in is told no secret", async () => {
  const { log, lines } = keptLog();
  await using gate = await startGate({}, {
    refuse: () => ({
      type: "AccessDeniedException",
      message: `User: ${KEY.secretAccessKey} is not authorized to perform: a:B`,
    }),
  });
  const response = await signedFetchTo(gate, { log })(gate.origin);
  explainRefusal(response, await response.text());
  assertEquals(lines.length, 2);
  assertStringIncludes(lines.join(), "[redacted]");
});

Deno.test("a refusal of what went unsigned says that it went unsigned", async () => {
  await using gate = await startGate();
  const response = await signedFetchTo(gate, UNCONFIGURED)(gate.origin);
  const error = explainRefusal(response, await response.text());
  assertEquals(error?.reason, "credentials");
  assertStringIncludes(error?.message ?? "", "the request was sent unsigned");
});

Deno.test("a target that wants the body's hash is said to want it", async () => {
  await using gate = await startGate({}, {
    refuse: () => ({
      type: "XAmzContentSHA256Mismatch",
      message: "The provided 'x-amz-content-sha256' header does not match",
    }),
  });
  const response = await signedFetchTo(gate, { unsignedPayload: true })(
    gate.origin,
    { method: "POST", body: "a body" },
  );
  const error = explainRefusal(response, await response.text());
  assertStringIncludes(error?.message ?? "", "leave out unsignedPayload");
});
