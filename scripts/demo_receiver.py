# SPDX-License-Identifier: Apache-2.0
"""The three APIs of the demo in one small HTTP server; nothing but the standard library.

    demo_receiver.py DIRECTORY [PORT]

Takes any free port when none is given. Writes its port to DIRECTORY/port when it listens, and a line for every request to
DIRECTORY/requests, which also goes to standard output as it happens. It is strict about
credentials: who comes without the right ones gets a 401.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/integration"))

from postrider_test.oauth import TokenEndpoint  # noqa: E402
from postrider_test.receiver import Receiver, Reply, Request  # noqa: E402


class Apis:
    """Slack, HubSpot and a billing service, as far as the demo needs them."""

    def __init__(self, directory: Path, port: int):
        self._journal = (directory / "requests").open("w", buffering=1)
        self.receiver = Receiver(port=port)
        self.receiver.start()
        self._oauth = TokenEndpoint(self.receiver, "/hubspot/oauth/token",
                                    client_secret=os.environ["HUBSPOT_SECRET"])
        basic = f"postrider:{os.environ['BILLING_PASSWORD']}".encode()
        self._basic = f"Basic {base64.b64encode(basic).decode()}"
        self._invoices = 0
        for path, answer in (("/slack/services/*", self._slack),
                             ("/hubspot/oauth/token", self._oauth.answer),
                             ("/hubspot/crm/v3/objects/contacts", self._oauth.guard(self._contact)),
                             ("/billing/invoices", self._invoice)):
            self.receiver.on(path, self._noted(answer))

    def _noted(self, answer):
        def handle(request: Request) -> Reply:
            reply = answer(request)
            body = request.body.decode(errors="replace")
            if "secret" in body:
                body = "grant_type=client_credentials …"
            line = f"{reply.status} {request.method} {request.path}"
            self._journal.write(f"{line} {body}\n")
            colour = "32" if reply.status < 300 else "33"
            print(f"     \033[{colour}m{line}\033[0m  {body[:110]}" if sys.stdout.isatty()
                  else f"     {line}  {body[:110]}", flush=True)
            return reply

        return handle

    def _slack(self, request: Request) -> Reply:
        if request.header("Authorization") != f"Bearer {os.environ['SLACK_TOKEN']}":
            return Reply(401)
        return Reply(200, b"ok") if "text" in json.loads(request.body) else Reply(400, b"no_text")

    @staticmethod
    def _contact(request: Request) -> Reply:
        email = json.loads(request.body)["properties"]["email"]
        if "@" not in email:
            return Reply(400, b'{"message": "Email address is not valid"}',
                         {"Content-Type": "application/json"})
        return Reply(201, b'{"id": "1"}', {"Content-Type": "application/json"})

    def _invoice(self, request: Request) -> Reply:
        if request.header("Authorization") != self._basic:
            return Reply(401)
        self._invoices += 1
        if self._invoices == 1:
            return Reply(503, b"down for a moment", {"Retry-After": "1"})
        return Reply(201)


def main() -> None:
    directory = Path(sys.argv[1])
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # the server's thread inherits it
    apis = Apis(directory, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    (directory / "port.new").write_text(f"{apis.receiver.port}\n")
    (directory / "port.new").rename(directory / "port")
    signal.sigwait(signals)


if __name__ == "__main__":
    main()
