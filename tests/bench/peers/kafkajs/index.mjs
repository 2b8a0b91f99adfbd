// SPDX-License-Identifier: Apache-2.0
// node index.mjs BOOTSTRAP TOPIC GROUP URL CONCURRENCY
//
// A consumer as people write it by hand: a batch at a time, all of it in flight together, and
// the offset behind it when every request of it was answered with 2xx.
import { Kafka, logLevel } from 'kafkajs';
import { Pool } from 'undici';

const [bootstrap, topic, groupId, url, concurrency] = process.argv.slice(2);
const target = new URL(url);
const pool = new Pool(target.origin, { connections: +concurrency, pipelining: 1 });

async function send(body) {
  for (;;) {
    try {
      const reply = await pool.request({
        path: target.pathname, method: 'POST', body,
        headers: { 'content-type': 'application/json' },
      });
      await reply.body.dump();
      if (reply.statusCode < 300) return;
    } catch { /* tried again */ }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const consumer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).consumer({ groupId });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  partitionsConsumedConcurrently: 4,
  eachBatch: async ({ batch, heartbeat }) => {
    await Promise.all(batch.messages.map((message) => send(message.value)));
    await heartbeat();
  },
});
