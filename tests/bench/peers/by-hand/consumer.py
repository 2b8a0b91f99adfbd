# SPDX-License-Identifier: Apache-2.0
"""consumer.py BOOTSTRAP TOPIC GROUP URL CONCURRENCY

A consumer as people write it by hand in Python: so many records, all of them in flight together,
and the offsets behind them when every request was answered with 2xx.
"""

import asyncio
import sys

import aiohttp
from confluent_kafka import Consumer


async def send(session: aiohttp.ClientSession, url: str, body: bytes) -> None:
    while True:
        try:
            async with session.post(url, data=body) as reply:
                await reply.read()
                if reply.status < 300:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)


async def main(bootstrap: str, topic: str, group: str, url: str, concurrency: int) -> None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group,
                         "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([topic])
    headers = {"Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        while True:
            messages = consumer.consume(concurrency, 0.05)
            await asyncio.gather(*(send(session, url, m.value()) for m in messages if not m.error()))
            if messages:
                consumer.commit(asynchronous=True)


asyncio.run(main(*sys.argv[1:5], int(sys.argv[5])))
