# SPDX-License-Identifier: Apache-2.0
"""Standard error is a pipe that nobody reads: everything goes on, and a signal ends it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess

from postrider_test.client import Client
from postrider_test.receiver import Receiver
from postrider_test.shop import Shop

EVENTS = 50


def test_a_log_that_nobody_reads_holds_up_nothing_and_a_signal_ends_it(
        embedded: Client, receiver: Receiver, unique, postrider) -> None:
    shop = Shop(embedded, receiver, unique, {"authorization_type": "NONE"})
    shop.config["log"] = {"level": "debug"}
    daemon = postrider(shop.config, start=False)
    shop.publish(range(EVENTS))
    unread, pipe = os.pipe()
    size = fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    os.write(pipe, b"." * size)  # full from the beginning
    child = subprocess.Popen(daemon.command, stderr=pipe, stdin=subprocess.DEVNULL)
    os.close(pipe)
    try:
        shop.wait_for_all(EVENTS)
        assert daemon.admin("/healthz").startswith("ok")
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.wait()
        os.close(unread)
