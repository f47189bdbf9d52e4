/**
 * What chooses among several identities: arguments of a tool, which are put into
 * lists of tools and taken out of calls.
 */

import { ProxyError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { asObject, isObject } from "../../json.ts";
import { OPEN_BRACE } from "../wire/bytes.ts";
import type { Log } from "../../log/log.ts";
import { parseMember, rootOf, UNREAD } from "../wire/large_message.ts";
import {
  type BatchMessage,
  isCall,
  type RequestMessage,
} from "../wire/message.ts";
import { LruCache } from "../../lru_cache.ts";
import {
  elementsInTurns,
  insertMembers,
  mapElements,
  memberAt,
  memberNamed,
  removeMembers,
} from "../wire/splice.ts";

/** The arguments of a call that choose, by name; none where it has none. */
export type Named = Readonly<Record<string, unknown>>;

/** Identities beside the first, and what chooses among them. */
export interface IdentitySelection {
  /** What stands before their names in IDs. */
  readonly prefix: string;
  /** The arguments that tools gain, each with its JSON schema. */
  readonly offered: Readonly<Record<string, unknown>>;
  /** The option that asks for them, as errors name it. */
  readonly option: string;
  /** Whether a call has to choose: the first identity is for no call. */
  readonly isRequired?: boolean;
  /** How many there are at a time, and how long one is kept that is idle. */
  readonly limits?: { readonly most: number; readonly idleMs: number };
  /**
   * The identity that a call is for; `undefined`: the first.
   *
   * @throws {ProxyError} `blocked`: it names what it may not.
   */
  select(named: Named, call: RequestMessage): string | undefined;
  /** What errors call an identity. */
  nameOf(identity: string): string;
}

/** How many tools with an argument of such a name are remembered. */
const MAX_OWNERS = 10_000;

/** Offers the arguments, and says which calls have them. */
export class IdentityArguments {
  readonly #log: Log;
  readonly #names: readonly string[];
  /** The arguments as members of `properties`. */
  readonly #members: string;
  /** The tools that, as last listed, have one of a name themselves. */
  readonly #owners = new LruCache<true>(MAX_OWNERS);

  /** @param offered The arguments' JSON schemas, by name. */
  constructor(offered: Readonly<Record<string, unknown>>, log: Log) {
    this.#log = log;
    this.#names = Object.keys(offered);
    this.#members = JSON.stringify(offered).slice(1, -1);
  }

  /**
   * What a call names: nothing where that is the tool's own. Models give `null`
   * for what they leave out.
   */
  namedIn({ params }: { params: unknown }): Named | typeof UNREAD {
    if (this.#names.length === 0) return {};
    const { arguments: given, name } = asObject(params);
    // What cannot be seen may name one.
    if (params === UNREAD || given === UNREAD) return UNREAD;
    if (!isObject(given) || this.#owners.get(JSON.stringify(name) ?? "")) {
      return {};
    }
    return Object.fromEntries(
      this.#names.filter((name) => Object.hasOwn(given, name))
        .map((name) => [name, given[name]]),
    );
  }

  /**
   * The frame of a `tools/list` result, each tool with the arguments. Others
   * have their turn meanwhile.
   */
  async offeredIn(frame: Uint8Array): Promise<Uint8Array> {
    const list = memberAt(frame, ["result", "tools"]);
    if (!list || this.#names.length === 0) return frame;
    const offered: Uint8Array[] = [];
    for await (const tool of elementsInTurns(frame, list)) {
      offered.push(this.#offeredBy(tool));
    }
    return mapElements(frame, list, (_tool, index) => offered[index]);
  }

  #offeredBy(tool: Uint8Array): Uint8Array {
    const root = rootOf(tool);
    const name = memberNamed("name", tool, root);
    const called = name ? JSON.stringify(parseMember(tool, name)) ?? "" : "";
    this.#owners.delete(called);
    const schema = memberNamed("inputSchema", tool, root);
    // Nothing can be offered where there is no object.
    if (!schema || tool[schema.start] !== OPEN_BRACE) return tool;
    const properties = memberNamed("properties", tool, schema);
    if (!properties) {
      return insertMembers(tool, schema, `"properties":{${this.#members}}`);
    }
    if (tool[properties.start] !== OPEN_BRACE) return tool;
    // What cannot be seen for its size may be there.
    const owned = this.#names.find((name) =>
      properties.isPartial === true ||
      memberNamed(name, tool, properties) !== undefined
    );
    if (owned === undefined) {
      return insertMembers(tool, properties, this.#members);
    }
    this.#owners.set(called, true);
    this.#log.warn(`a tool has an argument ${owned} of its own`, {
      tool: excerpt(called),
    });
    return tool;
  }

  /** A batch whose calls name nothing but `null`, without that; and its frame. */
  withoutNull(
    bytes: Uint8Array,
    batch: BatchMessage,
  ): readonly [bytes: Uint8Array, batch: BatchMessage] {
    const messages = [...batch.messages];
    const frame = mapElements(bytes, rootOf(bytes), (element, at) => {
      const message = messages[at];
      if (!isCall(message)) return element;
      const named = this.namedIn(message);
      if (named === UNREAD) return element;
      const [rest, call] = withoutArguments(element, message, named);
      messages[at] = call;
      return rest;
    });
    return [frame, { ...batch, messages }];
  }
}

/** A call without the arguments that it names, and its frame. */
export function withoutArguments(
  bytes: Uint8Array,
  call: RequestMessage,
  named: Named,
): readonly [bytes: Uint8Array, call: RequestMessage] {
  const params = asObject(call.params);
  const range = memberAt(bytes, ["params", "arguments"]);
  if (Object.keys(named).length === 0 || !range) return [bytes, call];
  const isNamed = (name: string) => Object.hasOwn(named, name);
  const rest = Object.entries(asObject(params.arguments))
    .filter(([name]) => !isNamed(name));
  return [
    removeMembers(bytes, range, ({ name }) => isNamed(name)),
    { ...call, params: { ...params, arguments: Object.fromEntries(rest) } },
  ];
}

/** The error of a call in which a choice could hide. */
export function unreadChoice(
  { offered, option }: IdentitySelection,
): ProxyError {
  return new ProxyError(
    "blocked",
    `the call has too many arguments, or too large ones, to look for ${
      Object.keys(offered).join(" and ")
    } in them; without ${option} they pass`,
  );
}
