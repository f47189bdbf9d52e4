/**
 * The argument of a tool that names an AWS profile: put into lists of tools,
 * and taken out of calls.
 */

import { excerpt } from "../wire/excerpt.ts";
import type { Log } from "../../log/log.ts";
import { readWhole, rootOf, UNREAD } from "../wire/large_message.ts";
import {
  type BatchMessage,
  isObject,
  type RequestMessage,
  type SingleMessage,
} from "../wire/message.ts";
import { Recent } from "../../lru_cache.ts";
import {
  elementsInTurns,
  insertMembers,
  mapElements,
  memberAt,
  memberNamed,
  removeMembers,
  whole,
} from "../wire/splice.ts";

export const PROFILE_ARGUMENT = "aws_profile";

/** How many tools with an argument of that name are remembered. */
const MAX_OWNERS = 10_000;

/** Offers the argument, and says which calls have it. */
export class ProfileArgument {
  readonly #log: Log;
  /** The argument as a member of `properties`. */
  readonly #member: string;
  /** The tools that, as last listed, have one of that name themselves. */
  readonly #owners = new Recent<true>(MAX_OWNERS);

  /** @param profiles The profiles to choose from; the first is the default. */
  constructor(profiles: readonly string[], log: Log) {
    this.#log = log;
    this.#member = `${JSON.stringify(PROFILE_ARGUMENT)}:${
      JSON.stringify({
        type: "string",
        enum: profiles,
        description: `AWS profile (account and role) to call the tool with; ${
          profiles[0]
        } if none is given`,
      })
    }`;
  }

  /**
   * What a message names as its profile, and `undefined` if that is nothing or
   * the tool's own. Models give `null` for what they leave out.
   */
  valueIn(message: SingleMessage): unknown {
    if (message.kind !== "request" || message.method !== "tools/call") return;
    const { params } = message;
    // What cannot be seen may name one.
    if (params === UNREAD) return UNREAD;
    if (isObject(params) && params.arguments === UNREAD) return UNREAD;
    if (!isObject(params) || !isObject(params.arguments)) return;
    if (this.#owners.get(String(params.name))) return;
    return params.arguments[PROFILE_ARGUMENT];
  }

  /**
   * The frame of a `tools/list` result, each tool with the argument. Others
   * have their turn meanwhile.
   */
  async offeredIn(frame: Uint8Array): Promise<Uint8Array> {
    const list = memberAt(frame, ["result", "tools"]);
    if (!list) return frame;
    const offered: Uint8Array[] = [];
    for await (const tool of elementsInTurns(frame, list)) {
      offered.push(this.#offeredBy(tool));
    }
    return mapElements(frame, list, (_tool, index) => offered[index]);
  }

  #offeredBy(tool: Uint8Array): Uint8Array {
    const root = rootOf(tool);
    const schema = memberNamed("inputSchema", tool, root);
    if (!schema) return tool;
    const properties = memberNamed("properties", tool, schema);
    // What cannot be seen for its size may be there.
    const isOwner = properties !== undefined &&
      (properties.isPartial === true ||
        memberNamed(PROFILE_ARGUMENT, tool, properties) !== undefined);
    const name = memberNamed("name", tool, root);
    const called = name ? String(readWhole(tool, name)) : "";
    this.#owners.delete(called);
    if (isOwner) {
      this.#owners.set(called, true);
      this.#log.warn(
        `a tool has an argument ${PROFILE_ARGUMENT} of its own`,
        { tool: excerpt(called) },
      );
      return tool;
    }
    return properties
      ? insertMembers(tool, properties, this.#member)
      : insertMembers(tool, schema, `"properties":{${this.#member}}`);
  }

  /** A batch whose calls have no argument that is `null`, and its frame. */
  withoutNull(
    bytes: Uint8Array,
    batch: BatchMessage,
  ): readonly [bytes: Uint8Array, batch: BatchMessage] {
    const messages = [...batch.messages];
    const frame = mapElements(bytes, whole(bytes), (element, at) => {
      const message = messages[at];
      if (message.kind !== "request" || this.valueIn(message) !== null) {
        return element;
      }
      const [rest, call] = withoutProfile(element, message);
      messages[at] = call;
      return rest;
    });
    return [frame, { ...batch, messages }];
  }
}

/** A call without the argument, and its frame. */
export function withoutProfile(
  bytes: Uint8Array,
  call: RequestMessage,
): readonly [bytes: Uint8Array, call: RequestMessage] {
  const { params } = call;
  const range = memberAt(bytes, ["params", "arguments"]);
  if (!range || !isObject(params) || !isObject(params.arguments)) {
    return [bytes, call];
  }
  const { [PROFILE_ARGUMENT]: _profile, ...rest } = params.arguments;
  return [
    removeMembers(bytes, range, ({ name }) => name === PROFILE_ARGUMENT),
    { ...call, params: { ...params, arguments: rest } },
  ];
}
