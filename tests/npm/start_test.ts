/**
 * What must not happen when the npm package starts. How long a start takes is
 * compared by tests/bench/npm_start.ts.
 */
import { assert, assertEquals } from "@std/assert";
import { basename, join } from "node:path";
import { z } from "zod";
import {
  hasNpm,
  npmLaunch as launch,
  npmPackage,
  removeNpmPackage,
} from "./npm_package.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { RawServer } from "../support/raw/server.ts";
import { SdkServer } from "../support/sdk/server.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";
import { tempDir } from "../support/temp_dir.ts";
import { outcomeOf } from "../support/program/outcome.ts";

const ignore = !await hasNpm();

Deno.test.afterAll(removeNpmPackage);

/** What `deno info` says of a module and of what it may load. */
const GRAPH = z.object({
  modules: z.array(z.object({
    kind: z.string(),
    specifier: z.string(),
    size: z.number().optional(),
  })),
});

/** Half as much again as it is. */
const MAX_BYTES = 400_000;

Deno.test({
  name:
    "what finds the permissions is one short file, in which no package is bundled",
  ignore,
  async fn() {
    const { files } = await npmPackage();
    const program = join(files, "lib", "permissions.js");
    const { stdout } = await outcomeOf(Deno.execPath(), {
      args: ["info", "--json", "--no-config", "--no-lock", program],
    });
    const { modules } = GRAPH.parse(JSON.parse(stdout));
    const loaded = modules.filter(({ kind }) => kind !== "node");
    assertEquals(loaded.map(({ specifier }) => basename(specifier)), [
      "permissions.js",
    ]);
    const [{ size = Infinity }] = loaded;
    assert(size < MAX_BYTES, `${size} bytes`);
  },
});

Deno.test({
  name: "of two starts, the first without a cache, neither asks a registry",
  ignore,
  async fn() {
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    await using registry = await RawServer.start((_request, reply) =>
      reply.status(404)
    );
    await using cache = await tempDir();
    const env = {
      DENO_DIR: cache.path,
      JSR_URL: registry.url.origin,
      NPM_CONFIG_REGISTRY: registry.url.origin,
    };
    for (let start = 0; start < 2; start++) {
      await using proxy = await ProxyProcess.start(
        await launch(server, { env }),
      );
      await proxy.initialize();
    }
    assertEquals(registry.requests.all.map(({ target }) => target), []);
  },
});
