/** What the options of mod.ts may be: a program without types hands in anything. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  type AssumeRoleOptions,
  ConfigError,
  createCredentialSource,
  createSignedFetch,
  createSigner,
  type CredentialSourceOptions,
  type HttpProxyOptions,
  Redactor,
  type RoleSession,
  runHttpProxy,
  runStdioProxy,
  type SignedFetchOptions,
  type SignerOptions,
  type StdioProxyOptions,
  type ToolRules,
} from "../../mod.ts";
import { NOBODY } from "../support/net/nobody.ts";

const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
const LOG = { debug() {}, info() {}, warn() {}, error() {} };
const ROLE = "arn:aws:iam::123456789012:role/name";

const SIGNER: Required<SignerOptions> = {
  service: "execute-api",
  region: "us-east-1",
  signatureVersion: "v4",
  credentials: KEYS,
  unsignedPayload: false,
  now: Date.now,
  pathEncoding: "twice",
  normalizePath: true,
  contentHashHeader: true,
  signSessionToken: true,
};

const SIGNED_FETCH: Required<SignedFetchOptions> = {
  ...SIGNER,
  origin: [NOBODY, "http://localhost"],
  fetch,
  log: LOG,
  redactor: new Redactor(),
  signHost: "mcp.example",
  skipAuth: true,
  onResponse() {},
};

const ASSUME_ROLE: Required<AssumeRoleOptions> = {
  roleArn: ROLE,
  sessionName: "me",
  externalId: "1234",
  durationSeconds: 900,
  region: "us-east-1",
};

const SESSION: Required<RoleSession> = {
  policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
  policy: "{}",
  sourceIdentity: "me",
  tags: [["team", "x"]],
};

const SOURCE: Required<CredentialSourceOptions> = {
  profile: "work",
  env: () => undefined,
  log: LOG,
  redactor: new Redactor(),
  now: Date.now,
  assumeRole: ASSUME_ROLE,
  base: { get: () => Promise.resolve(KEYS) },
  session: SESSION,
  region: "us-east-1",
  onFound() {},
  fetch,
};

const TOOLS: Required<ToolRules> = {
  readOnly: true,
  allow: ["*"],
  deny: ["delete"],
};

const COMMON = {
  fetch,
  headers: [["x-team", "a"]],
  timeoutMs: 1000,
  timeoutResetOnProgress: true,
  idleTimeoutMs: Infinity,
  connectTimeoutMs: 1000,
  maxAnswerBytes: 1000,
  tools: TOOLS,
  metadata: [["key", "value"]],
  clientInfo: false,
  log: LOG,
  redactor: new Redactor(),
} as const;

function stdio(): Required<StdioProxyOptions> {
  return {
    ...COMMON,
    url: NOBODY,
    readable: ReadableStream.from<Uint8Array>([]),
    writable: new WritableStream<Uint8Array>(),
    writableTakesChunks: false,
    signal: AbortSignal.abort(),
    standaloneStream: false,
    maxFrameBytes: 1000,
    maxConcurrency: 1,
    retries: 0,
    recover: true,
    cookies: true,
    transport: "auto",
    bridge: false,
    sessionHeader: "x-session",
    keepAliveMs: 1000,
    profiles: new Map([["work", fetch]]),
    profileMetadata: new Map([["work", [["key", "value"]]]]),
  };
}

function http(): Required<HttpProxyOptions> {
  return {
    ...COMMON,
    target: NOBODY,
    listen: { hostname: "127.0.0.1", port: 0 },
    signal: AbortSignal.abort(),
    drainMs: 0,
    force: AbortSignal.abort(),
    onListen() {},
    token: "a-token-of-this-test",
    tokenDirectory: "/tmp",
    hosts: ["localhost"],
    headTimeoutMs: 1000,
    bodyIdleTimeoutMs: 1000,
    bodyTimeoutMs: 1000,
    maxHeadBytes: 8192,
    maxBodyBytes: 1000,
    maxRequests: 1,
    maxStreams: 1,
  };
}

/** As a program without types calls it. */
type Loose = (options: object) => unknown;

const CALLS: Readonly<
  Record<string, readonly [call: Loose, good: () => object]>
> = {
  createSigner: [createSigner as Loose, () => SIGNER],
  createSignedFetch: [createSignedFetch as Loose, () => SIGNED_FETCH],
  createCredentialSource: [createCredentialSource as Loose, () => SOURCE],
  runStdioProxy: [runStdioProxy as Loose, stdio],
  runHttpProxy: [runHttpProxy as Loose, http],
};

/** Wrong for every option that is not named behind it. */
const GARBAGE: readonly (readonly [value: unknown, right: RegExp])[] = [
  [null, /^profile$/],
  ["", /^$/],
  [
    "false",
    /^(?:service|region|roleArn|profile|token|tokenDirectory|signHost|sessionHeader)$/,
  ],
  [
    "5",
    /^(?:service|region|profile|token|tokenDirectory|signHost|sessionHeader)$/,
  ],
  [0, /^(?:retries|maxStreams|drainMs)$/],
  [-1, /^$/],
  [NaN, /^$/],
  [1.5, /^(?!head).*Ms$/],
  [Infinity, /^(?:max.*|retries|.*Ms)$/],
  [
    true,
    /^(?:unsignedPayload|normalizePath|contentHashHeader|signSessionToken|skipAuth|timeoutResetOnProgress|clientInfo|writableTakesChunks|standaloneStream|recover|cookies|bridge)$/,
  ],
  [{}, /^(?:tools|session|credentials)$/],
  [{ nothing: 1 }, /^credentials$/],
  [[undefined], /^$/],
  [new Array(1), /^$/],
  [[], /^(?:headers|metadata|hosts)$/],
  [[null], /^$/],
  [[1], /^$/],
  [["a"], /^hosts$/],
  [[["a"]], /^$/],
  [[["a", 1]], /^$/],
  [() => {}, /^(?:fetch|env|now|onFound|onListen|onResponse|credentials)$/],
  [new Map([["a", 1]]), /^credentials$/],
  [new Date(), /^credentials$/],
];

async function faultOf(call: Loose, options: object): Promise<string> {
  const { message } = await assertRejects(async () => {
    await call(options);
  }, ConfigError);
  return message;
}

for (const [name, [call, good]] of Object.entries(CALLS)) {
  Deno.test(`${name} takes every option that it has, and each alone left out or set to undefined`, async () => {
    await call(good());
    for (const option of Object.keys(good())) {
      const { [option]: _, ...others } = good() as Record<string, unknown>;
      for (const options of [others, { ...others, [option]: undefined }]) {
        const message = await Promise.resolve().then(() => call(options))
          .then(() => "", (error: Error) => `${error.name}: ${error.message}`);
        const required =
          /^(?:service|region|origin|url|target|fetch|readable|writable|listen|signal)$/;
        if (message === "") continue;
        assert(required.test(option), `${option}: ${message}`);
        assertStringIncludes(
          message,
          `ConfigError: configuration error: ${option} `,
        );
      }
    }
  });

  for (const option of Object.keys(good())) {
    Deno.test(`${name} refuses what ${option} cannot be, and names it`, async () => {
      for (const [value, right] of GARBAGE) {
        if (right.test(option)) continue;
        const message = await faultOf(call, { ...good(), [option]: value });
        const shown = `${option}: ${Deno.inspect(value)}`;
        assert(message.includes(option), `${shown}: ${message}`);
      }
    });
  }

  Deno.test(`${name} refuses an option that it does not have, and options that are none`, async () => {
    const [first] = Object.keys(good());
    const misspelt = await faultOf(call, {
      ...good(),
      [first.toUpperCase()]: 1,
    });
    assertEquals(
      misspelt,
      `configuration error: ${first.toUpperCase()} is no option (did you mean ${first}?)`,
    );
    const message = await faultOf(call, {
      ...good(),
      elsewhere: 1,
      a: undefined,
    });
    assertStringIncludes(message, "elsewhere is no option (there is ");
    for (const none of [null, 5, "x", []]) {
      assertStringIncludes(
        await faultOf(call, none as unknown as object),
        "options must be an object",
      );
    }
  });
}

const NESTED = [
  ["runStdioProxy", "tools", TOOLS],
  ["runHttpProxy", "tools", TOOLS],
  ["createCredentialSource", "assumeRole", ASSUME_ROLE],
  ["createCredentialSource", "session", SESSION],
] as const;

for (const [name, outer, part] of NESTED) {
  const [call, good] = CALLS[name];
  Deno.test(`${name} refuses what parts of ${outer} cannot be, and names them`, async () => {
    const fault = (value: object) =>
      faultOf(call, { ...good(), [outer]: value });
    for (const option of Object.keys(part)) {
      for (const wrong of [null, "", 5, {}, [undefined], new Set(["a"])]) {
        assertStringIncludes(
          await fault({ ...part, [option]: wrong }),
          `${outer}.${option}`,
        );
      }
    }
    assertStringIncludes(
      await fault({ ...part, READONLY: true }),
      `${outer}.READONLY is no option`,
    );
  });
}

Deno.test("what a program without types most likely hands in is named with what it should be", async () => {
  const rows: readonly [name: string, options: object, fault: string][] = [
    [
      "createSignedFetch",
      { skipAuth: "false" },
      "skipAuth must be true or false, got a string",
    ],
    [
      "createSignedFetch",
      { origin: null },
      "origin must be an http or https URL, or an array of such, got null",
    ],
    [
      "createSignedFetch",
      { signatureVersion: "v4A" },
      "signatureVersion must be v4 or v4a, got a string",
    ],
    [
      "createCredentialSource",
      { assumeRole: {} },
      "assumeRole.roleArn must be a role's ARN such as arn:aws:iam::123456789012:role/name, got undefined",
    ],
    [
      "createCredentialSource",
      { assumeRole: null },
      "assumeRole must be an object, got null",
    ],
    [
      "runStdioProxy",
      { headers: null },
      "headers must be an array of pairs of a header's name and its value, got null",
    ],
    [
      "runStdioProxy",
      { headers: { "x-a": "b" } },
      "headers must be an array of pairs of a header's name and its value, got an object",
    ],
    [
      "runStdioProxy",
      { tools: { deny: [undefined] } },
      "tools.deny must be an array of strings that are not empty, got an array",
    ],
    [
      "runStdioProxy",
      { timeoutMs: "1000" },
      "timeoutMs must be a number of milliseconds above 0, got a string",
    ],
    [
      "runHttpProxy",
      { token: "" },
      "token must be letters, digits and -._~+/ with = at its end alone, or false, got a string",
    ],
    [
      "runHttpProxy",
      { listen: { hostname: "127.0.0.1", port: "80" } },
      "listen must be an object of hostname and port, or of path, got an object",
    ],
  ];
  for (const [name, options, fault] of rows) {
    const [call, good] = CALLS[name];
    const message = await faultOf(call, { ...good(), ...options });
    assertEquals(message, `configuration error: ${fault}`);
  }
});
