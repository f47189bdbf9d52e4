/**
 * Each secret, in each form, at the start of each place that a target can say
 * something in: it is shown nowhere, and what stands for it is.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  createSignedFetch,
  type SignedFetchOptions,
} from "../../src/aws/signing/signed_fetch.ts";
import { createLog } from "../../src/log/line_log.ts";
import type { Log, LogFields, LogLevel } from "../../src/log/log.ts";
import { modern } from "../support/stream/modern_message.ts";
import {
  INITIALIZED,
  mcp,
  type McpHandler,
  result,
} from "../support/raw/mcp.ts";
import {
  type RawReply,
  RawServer,
  type SeenRequest,
} from "../support/raw/server.ts";
import {
  StreamClient,
  type StreamClientOptions,
} from "../support/stream/client.ts";

const KEY = {
  accessKeyId: "ASIAECHOEDKEYID00001",
  secretAccessKey: "an/echoed+secret-access-key==",
  sessionToken: "IQoJb3JpZ2luX2VjE/an+echoed/session+token==",
};
const SESSION = "echoed-session-id-5b1f0c";
const HEADER = "an-echoed-api-key/1";
const QUERY = "an-echoed-query-secret";
const COOKIE = "an-echoed-cookie-value";

const signatureOf = (request: SeenRequest) =>
  request.header("authorization")?.split("Signature=")[1] ?? "";

/** Each secret, as a request brings it. */
const SECRETS: Record<string, (request: SeenRequest) => string> = {
  "the secret key": () => KEY.secretAccessKey,
  "the session token": () => KEY.sessionToken,
  "the access key ID": () => KEY.accessKeyId,
  "the session ID": () => SESSION,
  "a header": () => HEADER,
  "a query value": () => QUERY,
  "a cookie": () => COOKIE,
  "the signature": signatureOf,
};

const FORMS: Record<string, (text: string) => string> = {
  plain: (text) => text,
  "PHP's JSON": (text) => text.replaceAll("/", "\\/"),
  "Gson's JSON": (text) => `\\u003d${text.replaceAll("=", "\\u003d")}`,
  "percent-encoded": (text) => `%3D${encodeURIComponent(text)}`,
  "Mustache's HTML": (text) =>
    text.replaceAll("/", "&#x2F;").replaceAll("=", "&#x3D;"),
  "cut short": (text) => text.slice(0, -1),
};

const JSON_TYPE = { "content-type": "application/json" };

interface Place {
  readonly answer: (said: string, reply: RawReply) => Promise<void>;
  /** Whether the proxy repeats what is said there. */
  readonly isShown: boolean;
}

const PLACES: Record<string, Place> = {
  "a text": {
    answer: (said, reply) =>
      reply.status(500, { "content-type": "text/plain" }, said),
    isShown: true,
  },
  "a page": {
    answer: (said, reply) =>
      reply.status(502, { "content-type": "text/html" }, `<h1>${said}</h1>`),
    isShown: true,
  },
  "a JSON message": {
    answer: (said, reply) => reply.json({ message: said }, 500),
    isShown: true,
  },
  "a refusal": {
    answer: (said, reply) =>
      reply.status(
        403,
        { ...JSON_TYPE, "x-amzn-errortype": "AccessDeniedException" },
        JSON.stringify({ message: said }),
      ),
    isShown: true,
  },
  "an AWS error": {
    answer: (said, reply) =>
      reply.status(
        500,
        { ...JSON_TYPE, "x-amzn-errortype": "InternalFailure" },
        JSON.stringify({ message: said }),
      ),
    isShown: true,
  },
  "a canonical request": {
    answer: (said, reply) =>
      reply.status(
        403,
        { "content-type": "text/xml" },
        `<Error><Code>SignatureDoesNotMatch</Code><Message>m</Message><CanonicalRequest>POST\n/${said}\nk=v\n${said}\n\nhost\n00</CanonicalRequest></Error>`,
      ),
    isShown: false,
  },
  "an XML region": {
    answer: (said, reply) =>
      reply.status(
        400,
        { "content-type": "text/xml" },
        `<Error><Code>AuthorizationHeaderMalformed</Code><Message>m</Message><Region>${said}</Region></Error>`,
      ),
    isShown: false,
  },
  "a content type": {
    answer: (said, reply) => reply.status(200, { "content-type": said }, "x"),
    isShown: false,
  },
  "a location": {
    answer: (said, reply) => reply.status(307, { location: `/${said}` }),
    isShown: false,
  },
  "an event": {
    answer: async (said, reply) => {
      const stream = await reply.sse();
      await stream.event({ data: said });
      await stream.end();
    },
    isShown: false,
  },
  "no message": {
    answer: (said, reply) => reply.status(200, JSON_TYPE, said),
    isShown: false,
  },
};

/** A log in both formats at the most talkative level, that redacts nothing. */
function bareLog(lines: string[]): Log {
  const options = {
    level: "debug",
    write: (line: string) => void lines.push(line),
    redact: (text: string) => text,
  } as const;
  const json = createLog({ ...options, format: "json" });
  const text = createLog({ ...options, format: "text" });
  const both = (level: LogLevel) => (message: string, fields?: LogFields) => {
    json[level](message, fields);
    text[level](message, fields);
  };
  return {
    debug: both("debug"),
    info: both("info"),
    warn: both("warn"),
    error: both("error"),
  };
}

/** A proxy in this process, in front of a server, as a library has it. */
class Run implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly client: StreamClient;
  readonly server: RawServer;

  constructor(
    server: RawServer,
    options: Partial<StreamClientOptions> = {},
    signing: Partial<SignedFetchOptions> = {},
  ) {
    const url = new URL(`${server.url}?k=${QUERY}`);
    const log = bareLog(this.lines);
    const fetch = createSignedFetch({
      origin: url,
      service: "execute-api",
      region: "eu-west-1",
      credentials: KEY,
      log,
      ...signing,
    });
    const headers = [["x-api-key", HEADER]] as const;
    this.server = server;
    this.client = new StreamClient({
      url,
      fetch,
      log,
      headers,
      retries: 0,
      ...options,
    });
  }

  /** No secret is in these texts, nor most of one. */
  assertUnseen(...texts: string[]): void {
    const text = texts.join("\n") + this.lines.join("");
    for (const request of this.server.requests.all) {
      for (const [name, secretOf] of Object.entries(SECRETS)) {
        const secret = secretOf(request);
        for (const form of [secret, encodeURIComponent(secret)]) {
          const part = form.slice(0, -1);
          if (part !== "") assertEquals(text.includes(part), false, name);
        }
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

const opened: McpHandler = (message, reply) =>
  reply.json(result(message, INITIALIZED), 200, {
    "mcp-session-id": SESSION,
    "set-cookie": `lb=${COOKIE}`,
  });

/** What a request asks the target to say, and where. */
function saying(
  { params }: { params: Record<string, string> },
  request: SeenRequest,
): {
  place: Place;
  said: string;
} {
  const secret = SECRETS[params.secret](request);
  return { place: PLACES[params.place], said: FORMS[params.form](secret) };
}

const say: McpHandler = async (message, reply, request) => {
  const { place, said } = saying(message, request);
  await place.answer(said, reply);
};

for (const [place, { isShown }] of Object.entries(PLACES)) {
  Deno.test(`no secret is shown that a target says in ${place}`, async () => {
    await using run = new Run(
      await RawServer.start(mcp({ initialize: opened, say })),
    );
    await run.client.initialize();
    let id = 0;
    for (const form of Object.keys(FORMS)) {
      for (const secret of Object.keys(SECRETS)) {
        run.client.request(++id, "say", { place, form, secret });
        const { text, json } = await run.client.answer(id);
        assertEquals(json.error?.data?.source, "sigv4-proxy");
        run.assertUnseen(text);
        const shown = secret === "the access key ID" ? "ASIA…" : "[redacted]";
        if (isShown) assertStringIncludes(text, shown, `${form}, ${secret}`);
      }
    }
    await run.client.close();
    run.assertUnseen();
  });
}

for (const [place, { answer }] of Object.entries(PLACES)) {
  Deno.test(`words that a target says in ${place} are in no log line above debug`, async () => {
    const words = "ignore-all-previous-instructions";
    await using run = new Run(
      await RawServer.start(mcp({
        initialize: opened,
        say: (_message, reply) => answer(words, reply),
        GET: (_message, reply) => answer(words, reply),
      })),
      { standaloneStream: true },
    );
    await run.client.initialize();
    await run.server.requests.find(({ method }) => method === "GET");
    run.client.request(1, "say");
    await run.client.answer(1);
    await run.client.close();
    const shown = run.lines.filter((line) => line.includes(words))
      .filter((line) => !/"level":"debug"|Z debug /.test(line));
    assertEquals(shown, []);
  });
}

Deno.test("no v4a signature is shown, nor any secret of the modern era", async () => {
  const echoAll: McpHandler = (_message, reply, request) =>
    reply.status(
      500,
      { "set-cookie": `lb=${COOKIE}` },
      `${signatureOf(request)} ${request.headers.flat().join(" ")}`,
    );
  await using run = new Run(
    await RawServer.start(mcp({ "x/y": echoAll })),
    {},
    { signatureVersion: "v4a" },
  );
  for (const id of [1, 2]) {
    run.client.request(id, "x/y", modern());
    const { text } = await run.client.answer(id);
    assertStringIncludes(text, "[redacted]");
    run.assertUnseen(text);
  }
});

Deno.test("no secret is shown of a standalone stream, of notifications and of the end that are refused", async () => {
  const refuse: McpHandler = (_none, reply, request) =>
    reply.status(400, {}, request.headers.map(([, value]) => value).join(" "));
  await using run = new Run(
    await RawServer.start(mcp({
      initialize: opened,
      GET: refuse,
      DELETE: refuse,
      "notifications/odd": refuse,
    })),
    { standaloneStream: true },
  );
  await run.client.initialize();
  run.client.notify("notifications/odd");
  await run.server.requests.find(({ method }) => method === "GET");
  run.client.request(1, "ping");
  await run.client.answer(1);
  await run.client.close();
  assertStringIncludes(run.lines.join(""), "[redacted]");
  run.assertUnseen();
});

Deno.test("no secret is shown of a session whose recovery is refused", async () => {
  let started = 0;
  await using run = new Run(
    await RawServer.start(mcp({
      initialize: async (message, reply, request) => {
        if (started++ === 0) return await opened(message, reply, request);
        const values = request.headers.map(([, value]) => value);
        await reply.status(500, {}, `${COOKIE} ${values.join(" ")}`);
      },
      lost: (_message, reply) => reply.status(404, {}, `${SESSION} is gone`),
    })),
  );
  await run.client.initialize();
  run.client.request(1, "lost");
  const { text } = await run.client.answer(1);
  assertEquals(started, 2);
  run.assertUnseen(text);
});

Deno.test("sixty cookies push no secret out, and none of those that are kept is shown", async () => {
  let count = 0;
  const cookies: string[] = [];
  await using run = new Run(
    await RawServer.start(mcp({
      initialize: opened,
      more: (message, reply) => {
        cookies.push(`a-numbered-cookie-${++count}-value`);
        return reply.json(result(message), 200, {
          "set-cookie": `n${count}=${cookies.at(-1)}`,
        });
      },
      say: (_message, reply, request) =>
        reply.status(500, {}, `${request.header("cookie")}`.slice(-400)),
      keys: (_message, reply) =>
        reply.status(500, {}, `${SESSION} ${KEY.sessionToken} ${HEADER}`),
    })),
  );
  await run.client.initialize();
  for (let id = 1; id <= 60; id++) {
    run.client.request(id, "more");
    await run.client.answer(id);
  }
  run.client.request(61, "say");
  const said = (await run.client.answer(61)).text;
  assertStringIncludes(said, "[redacted]");
  assertEquals(said.includes("a-numbered-cookie"), false);
  run.client.request(62, "keys");
  const { text } = await run.client.answer(62);
  assertStringIncludes(text, "[redacted] [redacted] [redacted]");
});

Deno.test("no secret is shown that a target of HTTP+SSE says", async () => {
  await using run = new Run(
    await RawServer.start(async (request, reply) => {
      if (request.method === "GET") {
        const stream = await reply.sse({ "set-cookie": `lb=${COOKIE}` });
        await stream.event({
          event: "endpoint",
          data: `/messages?session=${SESSION}`,
        });
        return await stream.closed;
      }
      const values = request.headers.map(([, value]) => value);
      await reply.status(500, {}, `${QUERY} ${HEADER} ${values.join(" ")}`);
    }),
    { transport: "sse" },
  );
  run.client.request(1, "initialize");
  const { text } = await run.client.answer(1);
  assertStringIncludes(text, "[redacted]");
  run.assertUnseen(text);
});
