/** Keys and regions that cannot be sent are a matter of credentials. */

import {
  assertEquals,
  assertFalse,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createCredentialSource } from "../../../src/aws/credentials/credentials.ts";
import { createSignedFetch } from "../../../src/aws/signing/signed_fetch.ts";
import { createSigner } from "../../../src/aws/signing/signer.ts";
import { CredentialsError } from "../../../src/errors.ts";
import {
  INITIALIZE_PARAMS,
  ProxyProcess,
} from "../../support/program/proxy_process.ts";
import { Peer, StsPeer } from "../../support/aws/credential_peers.ts";
import { World } from "./world.ts";
import { NO_KEYS } from "../../support/aws/test_identity.ts";

const KEY = "AKIAIOSFODNN7EXAMPLE";
const SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/** What the proxy answers `initialize` with, and how often it asked anyone. */
async function answerOf(
  world: World,
  env: Record<string, string | undefined>,
  args: readonly string[] = [],
): Promise<{ text: string; code: unknown; asked: number; log: string }> {
  await using target = new Peer(() => new Response(null, { status: 500 }));
  await using proxy = await ProxyProcess.startHere({
    target: new URL(`${target.url}/mcp`),
    home: world.home,
    env: {
      ...NO_KEYS,
      ...env,
    },
    args,
  });
  const { value, text } = await proxy.request("initialize", INITIALIZE_PARAMS);
  const code = Object(Object(value).error).code;
  return { text, code, asked: target.requests.length, log: proxy.stderr };
}

const CASES: readonly [what: string, env: Record<string, string>, string][] = [
  ["a CR after the access key", { AWS_ACCESS_KEY_ID: `${KEY}\r` }, "U+000D"],
  ["a BOM before it", { AWS_ACCESS_KEY_ID: `\uFEFF${KEY}` }, "U+FEFF"],
  ["a space nobody sees", { AWS_ACCESS_KEY_ID: `${KEY}\u200B` }, "U+200B"],
  ["a letter of no ASCII", { AWS_ACCESS_KEY_ID: `${KEY}é` }, "U+00E9"],
  ["a CR after the secret", { AWS_SECRET_ACCESS_KEY: `${SECRET}\r` }, "U+000D"],
  ["a newline in the token", { AWS_SESSION_TOKEN: "FwoGZX\nIvYXdz" }, "U+000A"],
  ["an emoji in the token", { AWS_SESSION_TOKEN: "FwoGZX😀Iv" }, "U+1F600"],
];

Deno.test("a variable's key that cannot be sent is a credentials error that names the character", async (t) => {
  for (const [what, env, character] of CASES) {
    await t.step(what, async () => {
      using world = new World();
      const [name] = Object.keys(env);
      const { text, code, asked } = await answerOf(world, {
        AWS_ACCESS_KEY_ID: KEY,
        AWS_SECRET_ACCESS_KEY: SECRET,
        ...env,
      });
      assertEquals(code, -31012);
      assertStringIncludes(text, `environment: ${name} has ${character}`);
      assertFalse(text.includes("may have run"));
      assertFalse(text.includes(SECRET));
      assertEquals(asked, 0);
    });
  }
});

Deno.test("a key of a file that cannot be sent is named with its line", async () => {
  using world = new World();
  const path = world.write(
    ".aws/credentials",
    `[default]\naws_access_key_id = ${KEY}\n` +
      `aws_secret_access_key = ${SECRET}\naws_session_token = Fwo\u200BG\n`,
  );
  const { text, code, asked } = await answerOf(world, {});
  assertEquals(code, -31012);
  assertStringIncludes(text, `aws_session_token (${path} line 4) has U+200B`);
  assertEquals(asked, 0);
});

Deno.test("a key of a program that cannot be sent is named with the program", async () => {
  using world = new World();
  const keys = { AccessKeyId: `${KEY}\n`, SecretAccessKey: SECRET };
  const file = world.write("keys", JSON.stringify({ Version: 1, ...keys }));
  world.write(".aws/config", `[default]\ncredential_process = cat ${file}\n`);
  const { text, code, asked } = await answerOf(world, {});
  assertEquals(code, -31012);
  assertStringIncludes(
    text,
    "AccessKeyId of credential_process cat has U+000A (line feed) at its end",
  );
  assertEquals(asked, 0);
});

Deno.test("a key of the container that cannot be sent is a credentials error", async () => {
  using world = new World();
  await using container = new Peer(() =>
    Response.json({
      AccessKeyId: KEY,
      SecretAccessKey: SECRET,
      Token: "a\u00A0b",
      Expiration: "2099-01-01T00:00:00Z",
    })
  );
  const { text, code, asked } = await answerOf(world, {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url,
  });
  assertEquals(code, -31012);
  assertStringIncludes(text, "the session token has U+00A0 (no-break space)");
  assertEquals(asked, 0);
});

Deno.test("a role's region that cannot be sent is named with its line, and STS is not asked elsewhere", async () => {
  using world = new World();
  await using sts = new StsPeer();
  const path = world.write(
    ".aws/config",
    "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\n" +
      `credential_source = Environment\nregion = eu-west-1\u200B\n`,
  );
  const { text, code } = await answerOf(world, {
    AWS_ENDPOINT_URL_STS: sts.url,
    AWS_ACCESS_KEY_ID: KEY,
    AWS_SECRET_ACCESS_KEY: SECRET,
  }, ["--profile", "default"]);
  assertEquals(code, -31012);
  assertStringIncludes(text, `region (${path} line 4) has U+200B`);
  assertEquals(sts.asked, []);
});

Deno.test("keys handed to a signed fetch that cannot be sent are a credentials error", async () => {
  const given = { accessKeyId: `${KEY}\r`, secretAccessKey: SECRET };
  for (const credentials of [given, () => Promise.resolve(given)]) {
    using fetch = createSignedFetch({
      origin: "http://127.0.0.1:9",
      service: "execute-api",
      region: "us-east-1",
      credentials,
    });
    await assertRejects(
      () => fetch("http://127.0.0.1:9/"),
      CredentialsError,
      "the access key ID has U+000D (carriage return) at its end",
    );
  }
});

Deno.test("credentials of a wrong type sign nothing, and are told apart, from wherever they are handed", async () => {
  const keys = { accessKeyId: KEY, secretAccessKey: SECRET };
  const missing = "accessKeyId or secretAccessKey is missing";
  const anObject =
    "must be an object with accessKeyId and secretAccessKey, not";
  const rows: [given: unknown, fault: string][] = [
    [{ accessKeyId: KEY }, missing],
    [{ ...keys, accessKeyId: "" }, missing],
    [{ ...keys, secretAccessKey: null }, missing],
    [{ ...keys, accessKeyId: 1 }, "accessKeyId must be a string, not a number"],
    [
      { ...keys, secretAccessKey: [SECRET] },
      "secretAccessKey must be a string",
    ],
    [
      { ...keys, sessionToken: 5 },
      "sessionToken must be a string, not a number",
    ],
    [
      { ...keys, sessionToken: {} },
      "sessionToken must be a string, not an object",
    ],
    [{ ...keys, expiration: "2099-01-01" }, "expiration must be a Date"],
    [{ ...keys, expiration: new Date(NaN) }, "expiration must be a Date"],
    [null, `${anObject} null`],
    [SECRET, `${anObject} a string`],
    [[keys], `${anObject} an array`],
  ];
  const scope = { service: "execute-api", region: "us-east-1" };
  const origin = "http://127.0.0.1:9";
  for (
    const [given, fault] of [...rows, [undefined, `${anObject} undefined`]]
  ) {
    // As a program without types does.
    const wrong = given as never;
    const source = { get: () => Promise.resolve(wrong) };
    const forms = [() => Promise.resolve(wrong), () => wrong, source];
    if (Object.prototype.toString.call(given) === "[object Object]") {
      forms.push(wrong);
    }
    const asked = forms.flatMap((credentials) => {
      const fetch = createSignedFetch({ ...scope, origin, credentials });
      const signer = createSigner({ ...scope, credentials });
      const request = new Request(origin);
      const expiresInSeconds = 60;
      return [
        () => fetch(origin),
        () => signer.sign(request),
        () => signer.presign(request, { expiresInSeconds }),
      ];
    });
    const over = createCredentialSource({ base: source });
    const all: (() => Promise<unknown>)[] = [...asked, () => over.get()];
    for (const ask of all) {
      const error = await assertRejects(ask, CredentialsError, `${fault}`);
      assertFalse(error.message.includes(SECRET), error.message);
    }
  }
});

Deno.test("what hands in credentials and fails is no connection that failed", async () => {
  const scope = { service: "execute-api", region: "us-east-1" };
  const origin = "http://127.0.0.1:9";
  const words = "the credentials could not be loaded: sign in again";
  for (const reason of [new TypeError("sign in again"), "sign in again"]) {
    const rejects = () => Promise.reject(reason);
    const throws = () => {
      throw reason;
    };
    for (const credentials of [rejects, throws, { get: rejects }]) {
      const fetch = createSignedFetch({ ...scope, origin, credentials });
      await assertRejects(() => fetch(origin), CredentialsError, words);
      const signer = createSigner({ ...scope, credentials });
      const sign = () => signer.sign(new Request(origin));
      await assertRejects(sign, CredentialsError, words);
    }
  }
  const own = new CredentialsError("none here");
  const credentials = () => Promise.reject(own);
  const fetch = createSignedFetch({ ...scope, origin, credentials });
  await assertRejects(() => fetch(origin), CredentialsError, "none here");
  const { promise, reject } = Promise.withResolvers<never>();
  const waits = createSignedFetch({
    ...scope,
    origin,
    credentials: {
      get({ signal } = {}) {
        signal?.addEventListener("abort", () => reject(signal.reason));
        return promise;
      },
    },
  });
  const wanted = new AbortController();
  const abandoned = waits(origin, { signal: wanted.signal });
  wanted.abort(new RangeError("no longer wanted"));
  await assertRejects(() => abandoned, RangeError, "no longer wanted");
});

Deno.test("a session token of null is none, from a program without types", async () => {
  await using target = new Peer(() => new Response());
  using fetch = createSignedFetch({
    origin: target.url,
    service: "execute-api",
    region: "us-east-1",
    credentials: JSON.parse(
      `{"accessKeyId":"${KEY}","secretAccessKey":"x","sessionToken":null}`,
    ),
  });
  await fetch(target.url);
  assertFalse(target.requests[0].headers.has("x-amz-security-token"));
});
