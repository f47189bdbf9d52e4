/**
 * The Deno permissions that the HTTP server mode needs to listen.
 *
 * @module
 */

import { resolve } from "node:path";
import type { Need } from "../permissions.ts";
import {
  hostOf,
  isIpAddress,
  isTcp,
  nameOf,
  type TcpAddress,
} from "../net/listen_address.ts";
import { ipAddressOf } from "./listen.ts";
import type { ListenConfig } from "../config/listen_options.ts";
import { RUNTIME_DIRECTORY_VARIABLE, runtimeDirectory } from "./token.ts";

/** The environment and the system of the proxy. */
interface Where {
  readonly env: (name: string) => string | undefined;
  readonly os: typeof Deno.build.os;
}

/**
 * Finds what the HTTP server mode needs.
 *
 * @returns The permissions: for its address, and for the file of a token that
 * is made.
 */
export async function listenNeeds(
  { address, token }: ListenConfig,
  where: Where,
): Promise<Need[]> {
  const needs = isTcp(address)
    ? await portNeeds(address)
    : (["net", "read", "write"] as const).map((kind) => {
      const path = resolve(address.path);
      return toListen(kind, kind === "net" ? nameOf({ path }) : path);
    });
  return token === undefined ? [...needs, ...tokenFileNeeds(where)] : needs;
}

async function portNeeds(address: TcpAddress): Promise<Need[]> {
  const name = hostOf(address);
  // What cannot be looked up here cannot be told; listening will say it.
  const hostname = await ipAddressOf(address).catch(() => address.hostname);
  const needs = [toListen("net", nameOf({ ...address, hostname }))];
  return isIpAddress(name) || name === "localhost"
    ? needs
    // Looking a name up wants all of its ports.
    : [toListen("net", name), ...needs];
}

function toListen(kind: Need["kind"], value: string): Need {
  return { kind, value, why: "listen for clients" };
}

function tokenFileNeeds({ env, os }: Where): Need[] {
  const needs: Need[] = [{
    kind: "env",
    value: RUNTIME_DIRECTORY_VARIABLE,
    why: "find a place for the token",
  }];
  const own = runtimeDirectory(env);
  if (own !== undefined) {
    needs.push({
      kind: "read",
      value: own,
      why: "see whose the place for the token is",
    });
  }
  const value = own ?? temporaryDirectory(env, os);
  return [
    ...needs,
    { kind: "write", value, why: "keep the token that clients bring" },
  ];
}

/** Where Deno makes temporary files: they are everybody's. */
function temporaryDirectory(env: Where["env"], os: Where["os"]): string {
  if (os === "windows") return env("TMP") || env("TEMP") || "C:\\Windows\\Temp";
  return env("TMPDIR") || "/tmp";
}
