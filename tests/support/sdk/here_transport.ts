/**
 * A transport of the official SDK to the program in this process: where what is
 * between the two counts, and not how the one starts the other.
 */

import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import { linesOf } from "../lines.ts";
import type { CommandLine } from "../program/launch.ts";
import { runHere, type Running } from "../program/program_here.ts";

/** Runs a command line, and speaks to it as over stdio. */
export class HereTransport implements Transport {
  onmessage?: Transport["onmessage"];
  onclose?: () => void;
  readonly #line: CommandLine;
  #program: Running | undefined;
  #stdin: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #read: Promise<unknown> | undefined;

  constructor(line: CommandLine) {
    this.#line = line;
  }

  start(): Promise<void> {
    const { stdin, stdout, stderr } = this.#program = runHere(this.#line);
    this.#stdin = stdin.getWriter();
    this.#read = Promise.all([
      this.#receive(stdout),
      // Nobody reads what it logs.
      stderr.pipeTo(new WritableStream()),
    ]).then(() => this.onclose?.());
    return Promise.resolve();
  }

  async #receive(stdout: Running["stdout"]): Promise<void> {
    for await (const { text } of linesOf(stdout)) {
      this.onmessage?.(JSON.parse(text));
    }
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const line = `${JSON.stringify(message)}\n`;
    await this.#stdin?.write(new TextEncoder().encode(line));
  }

  async close(): Promise<void> {
    await this.#stdin?.close().catch(() => {});
    await this.#program?.status;
    await this.#read;
  }
}
