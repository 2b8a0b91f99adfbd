# SPDX-License-Identifier: Apache-2.0
"""A configuration can name code: only `run` loads it, so that whoever looks at a foreign one is safe."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from postrider_test.config import Config, render
from postrider_test.events import event, wants
from postrider_test.postrider import BINARY, environment

PLUGIN = """
#include <fcntl.h>
#include <stdlib.h>
__attribute__((constructor)) static void loaded(void) { open(getenv("MARK"), O_CREAT | O_WRONLY, 0600); }
"""


@pytest.fixture(name="plugin", scope="module")
def fixture_plugin(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("plugin")
    (directory / "plugin.c").write_text(PLUGIN)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", directory / "plugin.so", directory / "plugin.c"], check=True)
    return directory / "plugin.so"


COMMANDS = [["check"], ["check", "--no-secrets"], ["check", "--network"], ["check", "--print"],
            ["test-event", "--event", "event.json"], ["status"], ["reload"],
            ["dead-letters", "list"], ["dead-letters", "redrive", "--dry-run"]]


def execute(tmp_path: Path, arguments: list[str], **properties: str) -> tuple[bool, str]:
    """Was the mark made, and what was said."""
    config = Config("127.0.0.1:9")
    config["kafka"]["properties"] = [f"{name}={value}" for name, value in properties.items()]
    config.consumer("c", "orders", group_id="g", dead_letter_topic="letters")
    config.destination("d", "http://127.0.0.1:9/")
    config.rule("r", "c", wants("sale"), {"destination": "d"})
    file, mark = tmp_path / "conf", tmp_path / "mark"
    file.touch(0o600)
    file.write_text(render(config))
    (tmp_path / "event.json").write_bytes(event("sale", 1))
    with subprocess.Popen([BINARY, *arguments, "-c", file], cwd=tmp_path, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**environment(), "MARK": str(mark)}) as process:
        try:
            said, _ = process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            process.terminate()
            said, _ = process.communicate(timeout=30)
    return mark.exists(), said.decode()


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_nothing_but_run_loads_a_plugin(arguments: list[str], plugin: Path, tmp_path: Path) -> None:
    loaded, _ = execute(tmp_path, arguments, **{"plugin.library.paths": str(plugin)})
    assert not loaded


def test_run_loads_it(plugin: Path, tmp_path: Path) -> None:
    loaded, said = execute(tmp_path, ["run"], **{"plugin.library.paths": str(plugin)})
    assert loaded, said


@pytest.mark.parametrize("name", ["plugin.library.paths", "ssl.engine.location", "sasl.kerberos.kinit.cmd"])
def test_check_says_that_a_property_names_code(name: str, tmp_path: Path) -> None:
    _, said = execute(tmp_path, ["check"], **{name: "touch " + os.fspath(tmp_path / "mark")})
    assert f"warning: {tmp_path}/conf:" in said and f"{name}: names code" in said
