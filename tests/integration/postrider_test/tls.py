# SPDX-License-Identifier: Apache-2.0
"""A certificate authority of the tests, and servers that it vouches for."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class Authority:
    """Its certificate lies in `ca_file`, client certificates beside it."""

    def __init__(self, directory: Path):
        self._ca = trustme.CA()
        self._directory = directory
        self.ca_file = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def server_context(self, *names: str, client_certificate: bool = False) -> ssl.SSLContext:
        """For a server of these names (127.0.0.1 when none is given)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
        if client_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            self._ca.configure_trust(context)
        return context

    def files(self, name: str) -> tuple[Path, Path]:
        """A client's or server's certificate (with its chain) and key."""
        certificate = self._ca.issue_cert(name)
        cert_file = self._directory / f"{name}.pem"
        key_file = self._directory / f"{name}.key"
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(str(cert_file), append=True)
        certificate.private_key_pem.write_to_path(str(key_file))
        key_file.chmod(0o600)
        return cert_file, key_file
