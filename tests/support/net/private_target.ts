import { Authority } from "./certificates.ts";
import type { ExtraPermissions } from "../program/launch.ts";
import { ProxyProcess } from "../program/proxy_process.ts";
import { mcp } from "../raw/mcp.ts";
import { RawServer } from "../raw/server.ts";
import type { VerifierOptions } from "../sigv4/verifier.ts";
import { TEST_VERIFIER } from "../aws/test_identity.ts";
import { TlsTerminator } from "./tls_terminator.ts";

/** A target behind TLS of a private authority, and the files of a client. */
export class PrivateTarget implements AsyncDisposable {
  private constructor(
    readonly authority: Authority,
    readonly server: RawServer,
    readonly terminator: TlsTerminator,
    readonly directory: string,
  ) {}

  static async start(
    { demandsClient = false, verifier = TEST_VERIFIER, maxVersion }: {
      demandsClient?: boolean;
      verifier?: VerifierOptions;
      maxVersion?: "TLSv1.2";
    } = {},
  ): Promise<PrivateTarget> {
    const authority = new Authority({ name: "a private root" });
    const server = await RawServer.start({ handler: mcp({}), verifier });
    const terminator = await TlsTerminator.start({
      to: server.url,
      identity: authority.issue({ name: "the target" }),
      clientRoot: demandsClient ? authority.cert : undefined,
      maxVersion,
    });
    const directory = await Deno.makeTempDir();
    const client = authority.issue({ name: "the client" });
    const stranger = new Authority({ name: "another root" })
      .issue({ name: "a stranger" });
    const files = {
      "root.pem": authority.cert,
      "client.pem": client.cert,
      "client.key": client.key,
      "stranger.pem": stranger.cert,
      "stranger.key": stranger.key,
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${directory}/${name}`, text);
    }
    return new PrivateTarget(authority, server, terminator, directory);
  }

  /** The program before it; DIR stands for the directory of the files. */
  proxy(
    args: readonly string[],
    env: Record<string, string> = {},
    permissions: ExtraPermissions = {},
    start: "start" | "startHere" = "startHere",
  ): Promise<ProxyProcess> {
    const inPlace = (text: string) => text.replace("DIR", this.directory);
    return ProxyProcess[start]({
      target: this.terminator.url,
      args: args.map(inPlace),
      env: Object.fromEntries(
        Object.entries(env).map(([name, value]) => [name, inPlace(value)]),
      ),
      permissions: { read: [this.directory], ...permissions },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminator[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}
