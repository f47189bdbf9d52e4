import {
  assert,
  assertEquals,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { openTls, type TlsMaterial } from "../../src/net/http_client.ts";
import type { Config } from "../../src/config/config.ts";
import { openFetches } from "../../src/commands/target.ts";
import { loadTlsFiles } from "../../src/config/files.ts";
import type { LogNote } from "../../src/log/log.ts";
import { Authority } from "../support/net/certificates.ts";
import {
  ELSEWHERE,
  faultOf as optionFault,
  faultsOf,
  parsedOf,
} from "../support/program/command_line.ts";
import { RawServer } from "../support/raw/server.ts";
import { TlsTerminator } from "../support/net/tls_terminator.ts";
import { optionFiles } from "../support/program/option_files.ts";
import { tempDir } from "../support/temp_dir.ts";

const HOUR_MS = 3_600_000;
const ROOT = new Authority({ name: "root" });
const CLIENT = ROOT.issue({ name: "client" });
const STRANGER = ROOT.issue({ name: "stranger" });

interface TlsPaths {
  readonly caCert?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
}

interface TlsReading {
  readonly tls: TlsMaterial | undefined;
  readonly notes: readonly LogNote[];
  readonly faults: readonly string[];
}

/** Reads files of these texts. */
async function read(texts: TlsPaths, now?: number): Promise<TlsReading> {
  await using temp = await tempDir();
  const directory = temp.path;
  const paths: Record<string, string> = {};
  for (const [name, text] of Object.entries(texts)) {
    paths[name] = `${directory}/${name}`;
    await Deno.writeTextFile(paths[name], text);
  }
  const parsed = parsedOf(paths);
  const tls = await loadTlsFiles(parsed, undefined, now);
  const { notes, faults } = parsed;
  return { tls: faults.length > 0 ? undefined : tls, notes, faults };
}

async function faultOf(texts: TlsPaths): Promise<string> {
  const { faults } = await read(texts);
  assertEquals(faults.length, 1, faults.join("\n"));
  return faults[0];
}

Deno.test("a bundle gives each of its roots, whatever stands between them", async () => {
  const other = new Authority({ name: "other" });
  const caCert = `\uFEFFsubject=CN = root\r\n${
    ROOT.cert.replaceAll("\n", "\r\n")
  }# other\n${other.cert}${CLIENT.key}`;
  const { tls, faults, notes } = await read({ caCert });
  assertEquals([faults, notes], [[], []]);
  assert(tls !== undefined);
  assertEquals(tls.client, undefined);
  assertEquals(
    tls.caCerts.map((text) => text.replaceAll("\r", "")),
    [ROOT.cert.trim(), other.cert.trim()],
  );
});

Deno.test("certificate and key may stand in one file, the key in the older form", async () => {
  const key = createPrivateKey(CLIENT.key)
    .export({ type: "sec1", format: "pem" }).toString();
  const both = `${CLIENT.cert}${ROOT.cert}${key}`;
  const { tls, faults } = await read({ clientCert: both, clientKey: both });
  assertEquals(faults, []);
  assertEquals(tls?.client, {
    cert: `${CLIENT.cert}${ROOT.cert}`.trim(),
    key: key.trim(),
  });
});

Deno.test("a file without a certificate or a key is refused", async () => {
  const noCert = "has no certificate in PEM form";
  for (const caCert of ["", "hunter2", CLIENT.key]) {
    const fault = await faultOf({ caCert });
    assertStringIncludes(fault, noCert);
    assertStringIncludes(fault, "(set --ca-cert or MCP_CA_CERT)");
    assertNotMatch(fault, /hunter2/);
  }
  assertStringIncludes(
    await faultOf({ clientCert: CLIENT.cert, clientKey: CLIENT.cert }),
    "has no key in PEM form",
  );
});

Deno.test("a key's file that is not there is one fault", async () => {
  const missing = "client/key.pem";
  await using temp = await tempDir({ "client.pem": CLIENT.cert });
  const fault = await optionFault([
    `--client-cert=${temp.path}/client.pem`,
    `--client-key=${temp.path}/${missing}`,
  ]);
  assertStringIncludes(fault, `${missing}' does not exist`);
});

Deno.test("a certificate or a key that is garbage inside is refused", async () => {
  const broken = ROOT.cert.replace(/\n.{20}/, "\nAAAAAAAAAAAAAAAAAAAA");
  assertStringIncludes(
    await faultOf({ caCert: broken }),
    "has a certificate that cannot be read (set",
  );
  assertStringIncludes(
    await faultOf({ caCert: ROOT.cert + broken }),
    "has a certificate that cannot be read, number 2 (set",
  );
  const garbage = CLIENT.key.replace(/\n.{20}/, "\nAAAAAAAAAAAAAAAAAAAA");
  assertStringIncludes(
    await faultOf({ clientCert: CLIENT.cert, clientKey: garbage }),
    "has a key that cannot be read",
  );
});

Deno.test("a key that is encrypted is refused, in either form", async () => {
  const key = createPrivateKey(CLIENT.key).export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: "hunter2",
  }).toString();
  const older = CLIENT.key.replaceAll("PRIVATE", "EC PRIVATE")
    .replace("\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n");
  for (const clientKey of [key, older]) {
    assertStringIncludes(
      await faultOf({ clientCert: CLIENT.cert, clientKey }),
      "is encrypted",
    );
  }
});

Deno.test("a key that is not the certificate's is refused", async () => {
  const clientKey = STRANGER.key;
  assertStringIncludes(
    await faultOf({ clientCert: CLIENT.cert, clientKey }),
    "does not belong to the certificate of",
  );
  assertStringIncludes(
    await faultOf({ clientCert: CLIENT.cert + STRANGER.cert, clientKey }),
    "does not belong to the first certificate of",
  );
});

Deno.test("a key that TLS does not take is refused", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "secp256k1",
  });
  const { cert } = ROOT.issue({ name: "odd", publicKey });
  const clientKey = privateKey.export({ type: "pkcs8", format: "pem" });
  assertStringIncludes(
    await faultOf({ clientCert: cert, clientKey: clientKey.toString() }),
    "is not taken for TLS",
  );
});

Deno.test("a certificate without its key is refused, and a key without its certificate", async () => {
  assertEquals(
    await faultOf({ clientCert: CLIENT.cert }),
    "client key is required with a client certificate " +
      "(set --client-key or MCP_CLIENT_KEY)",
  );
  assertEquals(
    await faultOf({ clientKey: CLIENT.key }),
    "client certificate is required with a client key " +
      "(set --client-cert or MCP_CLIENT_CERT)",
  );
});

Deno.test("certificates out of their time are told, and taken", async () => {
  const now = Date.now();
  for (
    const [at, message] of [
      [now + 2 * HOUR_MS, "certificates have expired"],
      [now - 2 * HOUR_MS, "certificates are not valid yet"],
    ] as const
  ) {
    const { tls, notes } = await read({
      clientCert: CLIENT.cert,
      clientKey: CLIENT.key,
    }, at);
    assert(tls?.client !== undefined);
    assertEquals(notes.map((note) => note.message), [message]);
    assertStringIncludes(JSON.stringify(notes), "CN=client (");
  }
});

const ADDRESS = { hostname: "127.0.0.1", port: 0 };
for (
  const [mode, protocol, { listen, accounts }] of [
    ["over stdio", "h2", {}],
    ["in HTTP server mode, where many streams may stand open", "http/1.1", {
      listen: { address: ADDRESS, token: undefined, hosts: [] },
    }],
    ["for many accounts, each with a stream", "http/1.1", {
      accounts: { template: "arn:aws:iam::{account}:role/r", allow: ["*"] },
    }],
  ] as [string, string, Partial<Config>][]
) {
  Deno.test(`a target that knows HTTP/2 is spoken to over ${protocol} ${mode}`, async () => {
    using listener = Deno.listenTls({
      ...ROOT.issue({ name: "server" }),
      hostname: "127.0.0.1",
      port: 0,
      alpnProtocols: ["h2", "http/1.1"],
    });
    using fetches = await openFetches({
      tls: { caCerts: [ROOT.cert], client: undefined },
      signHost: undefined,
      record: undefined,
      listen,
      accounts,
    });
    const url = `https://localhost:${listener.addr.port}`;
    const answer = fetches?.toTarget(url).catch(() => {});
    using connection = await listener.accept();
    const { alpnProtocol } = await connection.handshake();
    assertEquals(alpnProtocol, protocol);
    connection.close();
    await answer;
  });
}

Deno.test("others than the target are reached over the same roots, without the client's certificate", async () => {
  await using server = await RawServer.start((_request, reply) =>
    reply.json({})
  );
  const identity = ROOT.issue({ name: "server" });
  await using terminator = await TlsTerminator.start({
    to: server.url,
    identity,
  });
  await using strict = await TlsTerminator.start({
    to: server.url,
    identity,
    clientRoot: ROOT.cert,
  });
  const tls = { caCerts: [ROOT.cert], client: CLIENT };
  {
    using fetches = openTls(tls, { sendsOtherHost: false });
    await (await fetches.toTarget(strict.url)).body?.cancel();
    assertEquals(strict.clients.all, ["client"]);
    const refused = await fetches.toOthers(strict.url).catch((error) => error);
    assert(refused instanceof TypeError);
    // Last: servers of one process resume each other's TLS sessions.
    for (const fetch of [fetches.toTarget, fetches.toOthers]) {
      const response = await fetch(terminator.url);
      assertEquals(await response.json(), {});
    }
  }
  using own = openTls({ ...tls, caCerts: [] }, { sendsOtherHost: false });
  assertEquals(own.toOthers, globalThis.fetch);
});

Deno.test("certificates are for https: a client's is refused with plain http", async () => {
  await using files = await optionFiles("");
  const pair = [
    `--client-cert=${files.clientCert}`,
    `--client-key=${files.clientKey}`,
  ];
  const [, ...scope] = ELSEWHERE;
  assertEquals(
    await faultsOf(["http://127.0.0.1/mcp", ...scope, ...pair]),
    [
      "--client-cert means nothing to a target of plain http " +
      "(set --target-url or MCP_TARGET_URL to one of https)",
    ],
  );
  assertStringIncludes(
    await optionFault(pair.slice(0, 1)),
    "client key is required with a client certificate",
  );
});
