# SPDX-License-Identifier: Apache-2.0
"""What the integration tests are written with.

    kafka       a real Apache Kafka, one node, that a test may stop, pause or kill
    embedded    `postrider broker`, the broker that the program brings along
    client      what an ordinary Kafka client does, against either of them
    receiver    an HTTP API that answers as the test says and remembers what it was sent
    oauth       a token endpoint on a receiver
    postrider   the program itself: configuration, log, signals, exit status
    config      libconfig text from Python values
    process     a child that never outlives the tests
    wait        waiting for a condition, never for a time

`receiver`, `oauth` and what they import need nothing but the standard library: the demo
uses them too.
"""
