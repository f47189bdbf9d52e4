/**
 * Each secret, in each form, at the start of each place that a target can say
 * something in: it is shown nowhere, and what stands for it is.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { mcp, type McpHandler } from "../support/raw/mcp.ts";
import {
  type RawReply,
  RawServer,
  type SeenRequest,
} from "../support/raw/server.ts";
import { opened, Run, SECRETS } from "./secrets_world.ts";

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
