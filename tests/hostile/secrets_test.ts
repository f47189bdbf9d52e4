/**
 * Secrets stay out of every line: targets that echo all that they were sent, in
 * every dress that an answer can have, at the most talkative level.
 */
import { assert, assertEquals } from "@std/assert";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import {
  INITIALIZED,
  mcp,
  type McpHandler,
  result,
} from "../support/raw/mcp.ts";
import { RawServer, type SeenRequest } from "../support/raw/server.ts";
import { TEST_CREDENTIALS } from "../support/aws/test_identity.ts";

const SESSION_ID = "session-id-that-nobody-may-see";
const COOKIE = "cookie-that-nobody-may-see";
const HEADER = "header value that nobody may see";

/** All that a request held, as a careless target would repeat it. */
function echo(request: SeenRequest): string {
  const headers = request.headers.map(([name, value]) => `${name}: ${value}`);
  return `${headers.join(" | ")} ${request.target} ${request.text()}`;
}

/** The canonical request, as API Gateway repeats it. */
function canonicalEcho(request: SeenRequest): string {
  const lines = request.headers.map(([name, value]) => `${name}:${value}`);
  return "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\n" +
    `The Canonical String for this request should have been\n'POST\n/mcp\n\n${
      lines.join("\n")
    }'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256'\n`;
}

const JSON_TYPE = { "content-type": "application/json" };

/** Every dress of an answer, by the method that gets it. */
const DRESSES: Record<string, McpHandler> = {
  "plain-500": (_m, reply, request) => reply.status(500, {}, echo(request)),
  "html-502": (_m, reply, request) =>
    reply.status(
      502,
      { "content-type": "text/html" },
      `<p>${echo(request)}</p>`,
    ),
  "json-400": (_m, reply, request) =>
    reply.json({ message: echo(request) }, 400),
  "json-401": (_m, reply, request) =>
    reply.json({ Message: echo(request) }, 401),
  "typed-403": (_m, reply, request) =>
    reply.json(
      { __type: "InvalidSignatureException", message: canonicalEcho(request) },
      403,
    ),
  "gateway-403": (_m, reply, request) =>
    reply.json({ message: canonicalEcho(request) }, 403, {
      "x-amzn-errortype": "InvalidSignatureException",
    }),
  "expired-403": (_m, reply, request) =>
    reply.json(
      { message: `The security token ${echo(request)} is expired` },
      403,
      {
        "x-amzn-errortype": "ExpiredTokenException",
      },
    ),
  "denied-403": (_m, reply, request) =>
    reply.json(
      {
        message: `User: arn:aws:iam::123456789012:user/x is not authorized: ${
          echo(request)
        }`,
      },
      403,
      { "x-amzn-errortype": "AccessDeniedException" },
    ),
  "xml-403": (_m, reply, request) =>
    reply.status(
      403,
      { "content-type": "application/xml" },
      `<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>${
        canonicalEcho(request)
      }</Message></Error></ErrorResponse>`,
    ),
  "typed-503": (_m, reply, request) =>
    reply.json({ __type: `Odd ${echo(request)}`, message: echo(request) }, 503),
  "errortype-403": (_m, reply, request) =>
    reply.status(403, {
      ...JSON_TYPE,
      "x-amzn-errortype": `Odd-${request.header("x-amz-security-token")}`,
    }, JSON.stringify({ message: echo(request) })),
  redirect: (_m, reply, request) =>
    reply.status(302, {
      location: `/elsewhere?token=${
        encodeURIComponent(request.header("x-amz-security-token") ?? "")
      }`,
    }),
  "redirect-path": (_m, reply, request) =>
    reply.status(302, {
      location: `/${
        encodeURIComponent(request.header("x-amz-security-token") ?? "")
      }/${request.header("mcp-session-id")}`,
    }),
  "html-200": (_m, reply, request) =>
    reply.status(200, { "content-type": "text/html" }, echo(request)),
  "odd-type-200": (_m, reply, request) =>
    reply.status(200, {
      "content-type": `text/${request.header("mcp-session-id")}`,
    }, "x"),
  "odd-json-200": (_m, reply, request) =>
    reply.status(200, JSON_TYPE, JSON.stringify(echo(request))),
  "odd-event": async (_m, reply, request) => {
    const stream = await reply.sse();
    await stream.event({ id: SESSION_ID, data: echo(request) });
    await stream.end();
  },
  "stranger-200": (_m, reply, request) =>
    reply.json({ jsonrpc: "2.0", id: SESSION_ID, result: echo(request) }),
  cut: async (_m, reply, request) => {
    await reply.head(200, { ...JSON_TYPE, "content-length": "99999" });
    await reply.write(echo(request));
    await reply.cut();
  },
  garbage: async (_m, reply, request) => {
    await reply.write(`${echo(request)}\r\n\r\n`);
    await reply.cut();
  },
};

for (const format of ["json", "text"]) {
  Deno.test(`no secret is in any line or answer while the target echoes all it gets (${format})`, async () => {
    await using server = await RawServer.start(mcp({
      ...DRESSES,
      initialize: (message, reply) =>
        reply.json(result(message, INITIALIZED), 200, {
          "mcp-session-id": SESSION_ID,
          "set-cookie": `AWSALB=${COOKIE}; Path=/`,
        }),
      GET: (_none, reply, request) => reply.status(400, {}, echo(request)),
      DELETE: (_none, reply, request) => reply.status(500, {}, echo(request)),
      "notifications/odd": (_m, reply, request) =>
        reply.status(500, {}, echo(request)),
    }));
    await using proxy = await ProxyProcess.startHere({
      target: server.url,
      args: [
        "--log-level=debug",
        `--log-format=${format}`,
        "--retries=0",
        "--sse",
        "--header",
        `X-Key: ${HEADER}`,
      ],
    });
    await proxy.initialize();
    await proxy.notify("notifications/odd");
    const methods = Object.keys(DRESSES);
    for (const method of methods) {
      const { text } = await proxy.request(method);
      assert(/"error":/.test(text), `${method} is answered with an error`);
    }
    await proxy.closeStdin();
    assertEquals((await proxy.status()).code, 0);

    const shown = proxy.stderr +
      proxy.frames.all.map(({ text }) => `${text}\n`).join("");
    for (const secret of secretsOf(server.requests.all)) {
      const at = shown.indexOf(secret);
      const around = shown.slice(
        Math.max(0, at - 200),
        at + secret.length + 50,
      );
      assertEquals(at, -1, `${secret} is shown: …${around}`);
    }
    // The search is one that finds what is there.
    assert(shown.includes("execute-api"));
    assert(proxy.log.length > methods.length);
  });
}

/** Every secret that was sent, in the forms in which it may be shown. */
function secretsOf(requests: readonly SeenRequest[]): Set<string> {
  const secrets = new Set<string>([
    TEST_CREDENTIALS.secretAccessKey,
    TEST_CREDENTIALS.sessionToken,
    TEST_CREDENTIALS.accessKeyId,
    SESSION_ID,
    COOKIE,
    HEADER,
  ]);
  for (const request of requests) {
    const signature = request.header("authorization")?.split("Signature=")[1];
    if (signature) secrets.add(signature);
  }
  for (const secret of [...secrets]) {
    secrets.add(encodeURIComponent(secret));
    secrets.add(encodeURIComponent(encodeURIComponent(secret)));
    secrets.add(JSON.stringify(secret).slice(1, -1));
  }
  return secrets;
}
