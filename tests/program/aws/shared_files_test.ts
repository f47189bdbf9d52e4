/** Whole-program tests: whose signature reaches the target. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { ContainerPeer, keysOf } from "../../support/aws/credential_peers.ts";
import {
  INITIALIZE_PARAMS,
  ProxyProcess,
} from "../../support/program/proxy_process.ts";
import { mcp } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { keySettings, NO_KEYS } from "../../support/aws/test_identity.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

function section(header: string, name: string): string {
  const { accessKeyId, secretAccessKey } = keysOf(name);
  return `${header}\n${keySettings({ accessKeyId, secretAccessKey })}`;
}

const DEFAULT = section("[default]", "default");

/** The program on a home of its own, a container beside, and its target. */
class Signing implements AsyncDisposable {
  readonly #container: ContainerPeer;
  readonly #target: RawServer;
  readonly #proxy: ProxyProcess;
  readonly #home: TempDir;

  private constructor(
    home: TempDir,
    container: ContainerPeer,
    target: RawServer,
    proxy: ProxyProcess,
  ) {
    this.#home = home;
    this.#container = container;
    this.#target = target;
    this.#proxy = proxy;
  }

  static async start(
    credentials: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Signing> {
    const home = await tempDir({ ".aws/credentials": credentials });
    const container = new ContainerPeer();
    const target = await RawServer.start(mcp({}));
    const proxy = await ProxyProcess.startHere({
      target: target.url,
      home: home.path,
      permissions: {
        net: [container.host],
        env: ["_X_AMZN_TRACE_ID"],
      },
      env: {
        ...NO_KEYS,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url,
        ...env,
      },
    });
    return new Signing(home, container, target, proxy);
  }

  /** Writes the credentials file anew. */
  async write(text: string): Promise<void> {
    await Deno.writeTextFile(this.#path, text);
  }

  get #path(): string {
    return `${this.#home.path}/.aws/credentials`;
  }

  /** Who signed a request, or the error that the client got. */
  async ask(method: string, params: unknown = {}): Promise<string> {
    const seen = this.#target.requests.all.length;
    const { value } = await this.#proxy.request(method, params);
    const text = JSON.stringify(value);
    if (text.includes('"error"')) return text.replaceAll(this.#path, "FILE");
    const authorization = this.#target.requests.all[seen]
      .header("authorization") ?? "";
    return /Credential=([^/]+)/.exec(authorization)?.[1] ?? "";
  }

  /** How often the container was asked. */
  get containerRequests(): number {
    return this.#container.requests.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy[Symbol.asyncDispose]();
    await this.#target[Symbol.asyncDispose]();
    await this.#container[Symbol.asyncDispose]();
    await this.#home[Symbol.asyncDispose]();
  }
}

Deno.test("a note behind a section's header does not make another profile sign (C1)", async () => {
  await using signing = await Signing.start(
    DEFAULT + section("[prod]# note", "prod"),
  );
  assertEquals(
    await signing.ask("initialize", INITIALIZE_PARAMS),
    "ASIADEFAULT",
  );
});

Deno.test("variables of the shared files that are empty, as an empty form leaves them, count as not set", async () => {
  await using signing = await Signing.start(DEFAULT, {
    AWS_CONFIG_FILE: "",
    AWS_SHARED_CREDENTIALS_FILE: "",
    AWS_PROFILE: "",
    AWS_DEFAULT_PROFILE: "",
  });
  assertEquals(
    await signing.ask("initialize", INITIALIZE_PARAMS),
    "ASIADEFAULT",
  );
});

Deno.test("a file that cannot be understood is the client's error, and the container is not asked (C11)", async () => {
  await using signing = await Signing.start(DEFAULT + section("[prod", "prod"));
  const found = await signing.ask("initialize", INITIALIZE_PARAMS);
  assertStringIncludes(found, "FILE line 4: a section header is [NAME]");
  assertStringIncludes(found, "-31012");
  assertEquals(signing.containerRequests, 0);
});

Deno.test("a call while the file is being written anew is signed with the keys in memory (C10)", async () => {
  await using signing = await Signing.start(DEFAULT);
  await signing.ask("initialize", INITIALIZE_PARAMS);
  for (const text of ["", "[default]\n", "[defa", DEFAULT.slice(0, 40)]) {
    await signing.write(text);
    assertEquals(await signing.ask("tools/list"), "ASIADEFAULT", text);
  }
  await signing.write(section("[default]", "next"));
  assertEquals(await signing.ask("tools/list"), "ASIANEXT");
  assertEquals(signing.containerRequests, 0);
});

Deno.test("the region is the profile's where nothing else says one", async () => {
  await using home = await tempDir({
    ".aws/config": "[profile 'Team A']\nregion = eu-south-2\n",
  });
  await using target = await RawServer.start(mcp({}));
  await using proxy = await ProxyProcess.start({
    target: target.url,
    home: home.path,
    bareArgs: ["--service=execute-api", target.url.href],
    env: { AWS_REGION: undefined, AWS_PROFILE: "Team A" },
    permissions: { read: [`${home.path}/.aws`] },
  });
  await proxy.request("initialize", INITIALIZE_PARAMS);
  assertStringIncludes(
    target.requests.all[0].header("authorization") ?? "",
    "/eu-south-2/execute-api/aws4_request",
  );
});
