/** The signed fetch against real servers on loopback. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  createSignedFetch,
  type SignedFetchOptions,
} from "../../src/aws/signed_fetch.ts";
import { ConfigError, CredentialsError } from "../../src/errors.ts";
import type { Log } from "../../src/log.ts";
import { Redactor } from "../../src/redact.ts";
import { IamGate, type IamGateOptions } from "../support/iam_gate.ts";
import type { VerifierOptions } from "../support/sigv4_verifier.ts";

const KEY = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const SCOPE = { service: "execute-api", region: "eu-west-1" };

function startGate(
  verifier: Partial<VerifierOptions> = {},
  options: Partial<IamGateOptions> = {},
): Promise<IamGate> {
  return IamGate.start({
    verifier: { principals: { AKIDEXAMPLE: KEY }, ...SCOPE, ...verifier },
    handler: (_request, response) => {
      response.end("ok");
    },
    ...options,
  });
}

function signedFetchTo(
  gate: IamGate,
  options: Partial<SignedFetchOptions> = {},
): ReturnType<typeof createSignedFetch> {
  return createSignedFetch({
    origin: gate.origin,
    credentials: KEY,
    ...SCOPE,
    ...options,
  });
}

/** A log that keeps its lines. */
function keepLines(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const keep = (message: string, fields?: unknown): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { log: { debug: keep, info: keep, warn: keep, error: keep }, lines };
}

Deno.test("bodies of every kind arrive whole, signed, with their type and length", async (t) => {
  await using gate = await startGate();
  const signedFetch = signedFetchTo(gate);
  const form = new FormData();
  form.set("a", "ü");
  form.set("file", new File(["bytes"], "f.bin"));
  const bytes = new TextEncoder().encode("..bytes..");
  const stream = (): ReadableStream<Uint8Array<ArrayBuffer>> =>
    new Blob(["stre", "am"]).stream();

  for (
    const [name, body, text, type] of [
      ["string", "téxt", "téxt", "text/plain;charset=UTF-8"],
      ["bytes", bytes.subarray(2, 7), "bytes", undefined],
      ["view", new DataView(bytes.buffer, 2, 5), "bytes", undefined],
      ["buffer", bytes.buffer, "..bytes..", undefined],
      ["Blob", new Blob(["blob"], { type: "a/b" }), "blob", "a/b"],
      ["Blob without type", new Blob(["blob"]), "blob", undefined],
      ["empty Blob", new Blob([]), "", undefined],
      ["empty string", "", "", "text/plain;charset=UTF-8"],
      [
        "URLSearchParams",
        new URLSearchParams({ a: "b c" }),
        "a=b+c",
        "application/x-www-form-urlencoded;charset=UTF-8",
      ],
      ["FormData", form, /name="a"\r\n\r\nü/, /^multipart\/form-data; bound/],
      ["stream", stream(), "stream", undefined],
      ["nothing", undefined, "", undefined],
    ] as const
  ) {
    await t.step(name, async () => {
      const response = await signedFetch(gate.origin, { method: "POST", body });
      assertEquals(await response.text(), "ok");
      const record = await gate.records.next();
      if (typeof text === "string") assertEquals(record.text(), text);
      else assertMatch(record.text(), text);
      const contentType = record.header("content-type");
      if (type instanceof RegExp) assertMatch(contentType ?? "", type);
      else assertEquals(contentType, type);
      assertEquals(record.header("content-length"), `${record.body.length}`);
    });
  }
});

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

Deno.test("a POST whose reused connection breaks before the answer is seen once", async (t) => {
  for (
    const body of [
      "string",
      new TextEncoder().encode("bytes"),
      new Blob(["blob"]),
    ]
  ) {
    await t.step(body.constructor.name, async () => {
      using server = breakingServer();
      const signedFetch = createSignedFetch({
        origin: server.origin,
        credentials: KEY,
        ...SCOPE,
      });
      const init = { method: "POST", body };
      assertEquals((await signedFetch(server.origin, init)).status, 204);
      await assertRejects(() => signedFetch(server.origin, init), TypeError);
      assertEquals(server.requests, 2);
    });
  }
});

/**
 * A server that answers the first request of each connection, reads the second
 * whole and drops the line.
 */
function breakingServer(): Disposable & { origin: string; requests: number } {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const server = {
    origin: `http://127.0.0.1:${listener.addr.port}`,
    requests: 0,
    [Symbol.dispose]: () => listener.close(),
  };
  const serve = async (connection: Deno.Conn): Promise<void> => {
    using _ = connection;
    for (const answer of ["HTTP/1.1 204 No Content\r\n\r\n", undefined]) {
      if (!await readRequest(connection)) return;
      server.requests++;
      if (answer === undefined) return;
      await connection.write(new TextEncoder().encode(answer));
    }
  };
  (async () => {
    for await (const connection of listener) serve(connection);
  })();
  return server;
}

async function readRequest(connection: Deno.Conn): Promise<boolean> {
  const buffer = new Uint8Array(16_384);
  let text = "";
  while (true) {
    const length = await connection.read(buffer);
    if (length === null) return false;
    text += new TextDecoder().decode(buffer.subarray(0, length));
    const [head, body] = text.split("\r\n\r\n");
    const expected = /^content-length: (\d+)$/im.exec(head)?.[1];
    if (body?.length === Number(expected)) return true;
  }
}

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

  await t.step("before", async () => {
    await using gate = await startGate();
    const signedFetch = signedFetchTo(gate);
    const signal = AbortSignal.abort(reason);
    const thrown = await assertRejects(() =>
      signedFetch(gate.origin, { signal })
    );
    assertStrictEquals(thrown, reason);
    assertEquals(gate.records.length, 0);
  });

  await t.step("while credentials are awaited", async () => {
    await using gate = await startGate();
    const aborter = new AbortController();
    let handed: AbortSignal | undefined;
    const signedFetch = signedFetchTo(gate, {
      credentials: {
        get: (options) => {
          handed = options?.signal;
          aborter.abort(reason);
          return new Promise(() => {});
        },
      },
    });
    const { signal } = aborter;
    const thrown = await assertRejects(() =>
      signedFetch(gate.origin, { signal })
    );
    assertStrictEquals(thrown, reason);
    assertStrictEquals(handed, signal);
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
    const { signal } = aborter;
    const thrown = await assertRejects(() =>
      signedFetchTo(gate)(gate.origin, { method: "POST", body, signal })
    );
    assertStrictEquals(thrown, reason);
  });

  await t.step("while the answer is awaited", async () => {
    await using gate = await startGate({}, { handler: () => {} });
    const aborter = new AbortController();
    const answer = signedFetchTo(gate)(
      new Request(gate.origin, { signal: aborter.signal }),
    );
    const record = await gate.records.next();
    aborter.abort(reason);
    await assertRejects(() => answer);
    assertEquals(await record.ended, "cut");
  });

  await t.step("while fresh credentials are awaited", async () => {
    await using gate = await startGate({ principals: {} });
    const aborter = new AbortController();
    const signedFetch = signedFetchTo(gate, {
      credentials: {
        get: (options) => {
          if (options?.refresh === undefined) return Promise.resolve(KEY);
          aborter.abort(reason);
          return new Promise(() => {});
        },
      },
    });
    const { signal } = aborter;
    const thrown = await assertRejects(() =>
      signedFetch(gate.origin, { signal })
    );
    assertStrictEquals(thrown, reason);
  });
});

Deno.test("a stream with an unsigned payload is sent as it comes", async () => {
  await using gate = await startGate({ allowUnsignedPayload: true });
  const signedFetch = signedFetchTo(gate, { unsignedPayload: true });
  const response = await signedFetch(gate.origin, {
    method: "POST",
    body: new Blob(["stre", "am"]).stream(),
  });
  assertEquals(await response.text(), "ok");
  const record = await gate.records.next();
  assertEquals(record.text(), "stream");
  assertEquals(record.header("transfer-encoding"), "chunked");
  assertEquals(record.header("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
});

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
      assertStringIncludes(error.message, "--sign-host");
      return false;
    }
  };
  const allowed = [
    "http://localhost:1",
    "http://a.localhost",
    "http://127.0.0.1",
    "http://127.1",
    "https://10.1.2.3",
    "https://172.16.0.1",
    "https://172.31.255.255",
    "https://192.168.1.1",
    "http://[::1]:80",
    "https://[fd12:3456::1]",
    "https://[fe80::1]",
    "https://[::ffff:10.0.0.1]",
    "https://vpce-0a-b.execute-api.us-east-1.vpce.amazonaws.com",
    "https://VPCE-1.lambda.us-east-1.VPCE.amazonaws.com",
  ];
  const refused = [
    "https://example.com",
    "https://8.8.8.8",
    "https://172.32.0.1",
    "https://172.15.0.1",
    "https://192.169.1.1",
    "https://11.0.0.1",
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
      "must be a host name",
    );
  }
});

Deno.test("with skipAuth requests go unsigned when nothing is configured, and that is said once", async () => {
  await using gate = await startGate();
  const { log, lines } = keepLines();
  const signedFetch = signedFetchTo(gate, {
    skipAuth: true,
    log,
    credentials: {
      get: () =>
        Promise.reject(
          new CredentialsError("none", { data: { configured: false } }),
        ),
    },
  });
  for (let i = 0; i < 2; i++) {
    const response = await signedFetch(gate.origin, {
      method: "POST",
      body: "x",
    });
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
    const signedFetch = signedFetchTo(gate, {
      skipAuth: true,
      credentials: { get: () => Promise.reject(error) },
    });
    assertStrictEquals(
      await assertRejects(() => signedFetch(gate.origin)),
      error,
    );
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
  const signedFetch = signedFetchTo(gate, {
    signatureVersion: "v4a",
    region: "*",
  });
  for (let i = 0; i < 3; i++) {
    const response = await signedFetch(gate.origin, {
      method: "POST",
      body: "x",
    });
    assertEquals(await response.text(), "ok");
    await signedFetch.warmUp();
  }
  assert(gate.records.all.every(({ verdict }) => verdict.ok));
});
