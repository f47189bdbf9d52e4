/**
 * A bare loop of `fetch`: for each line on stdin, one call with so many at
 * once, and a line on stdout when all are answered.
 */

const url = Deno.args[0];
const body = new TextEncoder().encode(
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}',
);

async function call(): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: new Blob([body]),
  });
  await response.bytes();
}

for await (const chunk of Deno.stdin.readable) {
  for (const line of new TextDecoder().decode(chunk).trim().split("\n")) {
    let left = Number(line);
    await Promise.all(Array.from({ length: 64 }, async () => {
      while (left-- > 0) await call();
    }));
    console.log("done");
  }
}
