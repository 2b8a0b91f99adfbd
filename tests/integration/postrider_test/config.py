# SPDX-License-Identifier: Apache-2.0
"""libconfig text from Python values."""

from __future__ import annotations

import re
from typing import Any

_NAME = re.compile(r"[A-Za-z*][-A-Za-z0-9_*]*\Z")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}


def render(config: dict[str, Any]) -> str:
    """A whole configuration file.

    dict: group. list: array where its elements are scalars of one type, else list.
    tuple: list. str, bool, int, float: themselves.
    """
    return "".join(f"{_name(key)} = {_value(value, 0)};\n" for key, value in config.items())


def _name(name: str) -> str:
    if not _NAME.match(name):
        raise ValueError(f"libconfig has no such name: {name!r}")
    return name


def _value(value: Any, depth: int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -2**31 <= value < 2**31 else f"{value}L"
    if isinstance(value, float):
        return repr(value) if "." in repr(value) else f"{value:.1f}"
    if isinstance(value, str):
        return '"' + "".join(_ESCAPES.get(c, c) for c in value) + '"'
    if isinstance(value, dict):
        return _group(value, depth)
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_value(v, depth + 1) for v in value)
        scalar = not isinstance(value, tuple) and len({type(v) for v in value}) <= 1 and not any(
            isinstance(v, (dict, list, tuple)) for v in value)
        return f"[ {inner} ]" if scalar else f"( {inner} )"
    raise TypeError(f"libconfig has no {type(value).__name__}")


def _group(group: dict[str, Any], depth: int) -> str:
    indent = "  " * (depth + 1)
    members = "".join(f"{indent}{_name(key)} = {_value(value, depth + 1)};\n"
                      for key, value in group.items())
    return "{\n" + members + "  " * depth + "}"


class Config(dict[str, Any]):
    """A configuration put together section by section; what the methods leave out is left to
    the program's defaults. It is a dict: change whatever a test is about.
    """

    # So that a test does not wait for Kafka's usual patience.
    PROPERTIES = ("session.timeout.ms=6000", "heartbeat.interval.ms=500",
                  "reconnect.backoff.max.ms=500", "fetch.wait.max.ms=20")

    def __init__(self, bootstrap: str | None, *properties: str):
        super().__init__()
        self["kafka"] = {"properties": [*self.PROPERTIES, *properties]}
        if bootstrap:
            self["kafka"]["bootstrap_servers"] = bootstrap

    def consumer(self, name: str, *topics: str, group_id: str, **keys: Any) -> None:
        self.setdefault("consumers", {})[name] = {
            "topics": list(topics), "group_id": group_id, **keys}

    def connection(self, name: str, **keys: Any) -> None:
        """Without keys: an API key in X-Api-Key."""
        keys = keys or {"authorization_type": "API_KEY", "api_key_name": "X-Api-Key",
                        "api_key_value": "k3y"}
        self.setdefault("connections", {})[name] = keys

    def destination(self, name: str, url: str, **keys: Any) -> None:
        """POST to `url`. Without a connection it gets one with an API key."""
        if "connection" not in keys:
            if "default" not in self.get("connections", {}):
                self.connection("default")
            keys["connection"] = "default"
        self.setdefault("destinations", {})[name] = {
            "endpoint": url, "http_method": "POST", "allow_http": True, **keys}

    def rule(self, name: str, consumer: str, pattern: dict[str, Any],
             *targets: dict[str, Any], **keys: Any) -> None:
        """Targets without an id are called after their destination."""
        full = tuple({"id": target["destination"], **target} for target in targets)
        self.setdefault("rules", {})[name] = {
            "consumer": consumer, "event_pattern": pattern, "targets": full, **keys}
