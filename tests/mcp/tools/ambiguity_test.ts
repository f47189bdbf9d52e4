/** Messages that the target could read otherwise than a tool policy does. */
import { assertEquals } from "@std/assert";
import { StreamWorld } from "../../support/stream/world.ts";

/** A target, and a client before it that may not delete. */
const world = () => StreamWorld.start({}, { tools: { deny: ["delete*"] } });

for (
  const text of [
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_item","name":"get_item"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_item","Name":"delete_item"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_item","\\u006eame":"delete_item"}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"tools/call","params":{"name":"delete_item"}}',
    '[{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}]',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"Name":"delete_item"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_item","ARGUMENTS":{}}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","Params":{"name":"delete_item"}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","Re\\u017fult":null}',
    '{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{"name":"delete_item"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call ","params":{"name":"delete_item"}}',
    '{"jsonrpc":"2.0","id":1,"method":"/tools//call/","params":{"name":"delete_item"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tool\\u017f/call","params":{"name":"delete_item"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call\\u0000","params":{"name":"delete_item"}}',
    '{"jsonrpc":"2.0","id":1,"method":"TOOLS/LIST"}',
    '[{"jsonrpc":"2.0","id":1,"method":"tools.call","params":{"name":"delete_item"}}]',
  ]
) {
  Deno.test(`with a policy ${text} is refused: it can be read in two ways`, async () => {
    await using w = await world();
    w.client.send(text);
    const { json } = await w.client.next();
    assertEquals([json.id, json.error.code], [1, -32600]);
    assertEquals(w.server.requests.length, 0);
  });
}

for (
  const text of [
    '{"jsonrpc":"2.0","id":1,"Method":"tools/call","result":null,"params":{"name":"delete_item"}}',
    '{"jsonrpc":"2.0","id":1,"result":null,"params":{"name":"delete_item"}}',
    '{"jsonrpc":"2.0","id":1,"result":null,"\\u004dethod":"tools/call"}',
    '{"jsonrpc":"2.0","id":1,"error":{"code":1},"METHOD":"tools/call"}',
    '{"jsonrpc":"2.0","method":"n","ID":1}',
    '[{"jsonrpc":"2.0","id":1,"Method":"tools/call","result":null}]',
  ]
) {
  Deno.test(`with a policy ${text} is not sent: it is a call to another reader`, async () => {
    await using w = await world();
    w.client.send(text);
    await w.client.ask(2, "m");
    assertEquals(w.client.frames.length, 1);
    assertEquals(w.server.requests.length, 1);
  });
}

Deno.test("answers, and parameters by position, pass a policy as they are", async () => {
  await using w = await world();
  const messages = [
    '{"jsonrpc":"2.0","id":"t","result":{"Method":1,"name":1,"Name":2}}',
    '{"jsonrpc":"2.0","id":1,"method":"m","params":[1,2,{"Name":3}]}',
    '{"jsonrpc":"2.0","id":2,"method":"m","params":{"a":{"Name":3,"name":4}}}',
  ];
  for (const text of messages) w.client.send(text);
  await w.client.next();
  await w.client.next();
  await w.server.requests.at(2);
  const sent = w.server.requests.all.map((request) => request.text());
  assertEquals(sent.toSorted(), messages.toSorted());
});
