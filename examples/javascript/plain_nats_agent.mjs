// An agent with the NATS client for Node and a creds file alone; ECONSIM_NATS, ECONSIM_CREDS and ECONSIM_AGENT say where and who.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { connect, credsAuthenticator } from "@nats-io/transport-node";

const LIMIT = 2_500_000; // micro-credits: 2.5 credits

// Buys cpu below the limit, one unit a tick, until the run closes.
async function main(url, creds, name) {
  const authenticator = credsAuthenticator(await readFile(creds));
  const bus = await connect({ servers: url, authenticator, maxReconnectAttempts: -1 });
  const ask = async (subject, body = {}) => (await bus.request(subject, JSON.stringify(body), { timeout: 5_000 })).json();

  let done = 0;
  async function act({ tick }) {
    if (tick <= done) return; // a tick may come twice
    done = tick;
    const best = (await ask("market.prices.get_prices")).prices.cpu.ask;
    if (best !== null && best <= LIMIT) {
      const id = randomUUID();
      const terms = { price: LIMIT, quantity: 1, kind: "immediate_or_cancel" };
      const answer = await ask("market.cpu.place_bid", { command_id: id, order_id: id, ...terms });
      console.log(answer.refusal ? `refused: ${answer.refusal.message}` : `order ${id} is stored`);
    }
    await ask(`agent.${name}.cycle_completed`, { data: { tick } });
  }

  const ticks = bus.subscribe("clock.ticked");
  bus.subscribe("run.closed", { callback: () => ticks.unsubscribe() });
  bus.subscribe("market.trade_executed.cpu", {
    callback: (error, message) => {
      if (error) throw error;
      for (const trade of message.json().data.items) console.log("bought at", trade.price / 1_000_000);
    },
  });
  const open = await bus.request("state.tick"); // the tick that is open already, if one is
  if (open.headers?.has("Nats-Sequence")) await act(open.json());
  for await (const message of ticks) await act(message.json());
  await bus.close();
}

const where = ["NATS", "CREDS", "AGENT"].map((word) => process.env[`ECONSIM_${word}`]);
if (where.every(Boolean)) {
  await main(...where);
} else {
  console.error("usage: ECONSIM_NATS=URL ECONSIM_CREDS=FILE ECONSIM_AGENT=NAME node plain_nats_agent.mjs");
  process.exitCode = 1;
}
