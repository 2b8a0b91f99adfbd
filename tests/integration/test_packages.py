# SPDX-License-Identifier: Apache-2.0
"""What is installed is whole, works, and goes away again."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from postrider_test.embedded import Embedded
from postrider_test.postrider import BINARY, ROOT
from postrider_test.process import Process
from postrider_test.receiver import Receiver
from postrider_test.wait import free_port, wait_until

ETC = ROOT / "etc"
BRANCH_PROTECTION = {"x86_64": ["-fcf-protection=full"],
                     "aarch64": ["-mbranch-protection=standard"]}.get(os.uname().machine, [])


def run(*arguments: str | Path, **keys: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True,
                          check=False, cwd=ROOT, **keys)


def need(program: str) -> None:
    if shutil.which(program) is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"no {program} here")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = run("make", "-s", *arguments)
    assert done.returncode == 0, done.stderr
    return done


def files(directory: Path) -> set[str]:
    return {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file()}


@pytest.mark.skipif(BINARY != ROOT / "build/postrider", reason="another build is tested")
def test_the_program_is_built_to_withstand_its_own_faults() -> None:
    header, dynamic, segments = (run("readelf", f"-{what}W", BINARY).stdout for what in "hdl")
    assert "Position-Independent Executable" in header
    assert "BIND_NOW" in dynamic and "TEXTREL" not in dynamic
    assert "GNU_RELRO" in segments
    needed = re.findall(r"\(NEEDED\).*\[(\w+)", dynamic)
    assert needed.index("libc") < needed.index("libmimalloc"), "all memory is mimalloc's"
    assert re.search(r"GNU_STACK .* RW ", segments), "a stack that can be executed"
    symbols = run("nm", "-D", BINARY).stdout
    assert "__stack_chk_fail" in symbols
    assert {"__memcpy_chk", "__snprintf_chk"} <= set(re.findall(r"__\w+_chk", symbols))
    built = run("readelf", "--debug-dump=info", "--dwarf-depth=1", BINARY).stdout
    for options in re.findall(r"DW_AT_producer.*: GNU C17 (.*)", built):  # clang does not tell
        assert {"-O2", "-fstack-clash-protection", *BRANCH_PROTECTION} <= set(options.split())


def test_install_brings_everything_and_uninstall_takes_it_away(tmp_path: Path) -> None:
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/opt/p")
    there = files(tmp_path / "opt/p")
    assert "bin/postrider" in there and "lib/systemd/system/postrider.service" in there
    assert {f"share/man/man{p.suffix[1:]}/{p.name}" for p in (ETC / "man").iterdir()} <= there
    assert {"share/bash-completion/completions/postrider", "share/zsh/site-functions/_postrider",
            "share/doc/postrider/examples/postrider.cfg"} <= there
    unit = (tmp_path / "opt/p/lib/systemd/system/postrider.service").read_text()
    assert "ExecStart=/opt/p/bin/postrider run" in unit and "/usr/bin" not in unit
    assert run(tmp_path / "opt/p/bin/postrider", "--version").stdout.startswith("postrider ")
    sample = tmp_path / "opt/p/share/doc/postrider/examples/demo.cfg"
    assert run(tmp_path / "opt/p/bin/postrider", "check", "--no-secrets", "-c",
               sample).returncode == 0
    (tmp_path / "opt/p/share/man/man1/other.1").write_text("not ours")
    make("uninstall", f"DESTDIR={tmp_path}", "PREFIX=/opt/p")
    assert files(tmp_path) == {"opt/p/share/man/man1/other.1"}


@pytest.fixture(scope="module")
def package() -> Path:
    need("dpkg-shlibdeps")
    return ROOT / make("deb").stdout.split()[-1]


@pytest.mark.long
def test_the_debian_package_has_no_fault(package: Path) -> None:
    need("lintian")
    judged = run("lintian", "--allow-root", "--fail-on", "error", package)
    assert judged.returncode == 0, judged.stdout
    assert re.findall("^E:.*", judged.stdout, re.M) == []


def dpkg(root: Path, *arguments: str | Path) -> None:
    # As root in a root of its own; the maintainer's scripts are for a real system.
    done = run("dpkg", f"--root={root}", "--force-depends", "--force-not-root",
               "--force-script-chrootless", "--log=/dev/null", *arguments)
    assert done.returncode == 0, done.stderr


def test_the_debian_package_is_installed_and_removed(package: Path, tmp_path: Path) -> None:
    for directory in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").touch()
    dpkg(tmp_path, "--install", package)
    assert run(tmp_path / "usr/bin/postrider", "--version").returncode == 0
    cfg = tmp_path / "etc/postrider/postrider.cfg"
    # A unit with DynamicUser reads it, and no secret stands in it.
    assert cfg.stat().st_mode & 0o777 == 0o644
    assert run(tmp_path / "usr/bin/postrider", "check", "--no-secrets", "-c", cfg).returncode == 0
    assert (tmp_path / "usr/lib/systemd/system/postrider.service").exists()
    assert (tmp_path / "usr/share/man/man7/postrider-messages.7.gz").exists()
    depends = run("dpkg-deb", "-f", package, "Depends").stdout
    for library in ("librdkafka1", "libcurl4", "libjansson4", "libconfig", "libmicrohttpd12",
                    "libmimalloc"):
        assert library in depends

    cfg.write_text(cfg.read_text() + "// mine\n")
    dpkg(tmp_path, "--remove", "postrider")
    left = files(tmp_path) - {f for f in files(tmp_path) if f.startswith("var/lib/dpkg")}
    assert left == {"etc/postrider/postrider.cfg"}, "a configuration outlives its program"
    dpkg(tmp_path, "--purge", "postrider")
    assert not cfg.exists()


class Manual:
    """FIRST STEPS of the manual page that the package brings, for this machine's ports."""

    def __init__(self, page: Path, replaced: dict[str, str]):
        text = gzip.open(page, "rt").read().partition(".Sh FIRST STEPS\n")[2].partition("\n.Sh ")[0]
        for word, other in replaced.items():
            assert word in text
            text = text.replace(word, other)
        self.configuration = text.partition(".Bd -literal")[2].partition("\n")[2].partition(".Ed")[0]
        self._commands = re.findall(r"^\.Dl (.*)$", text, re.M)

    def command(self, beginning: str) -> str:
        return next(c for c in self._commands if c.startswith(beginning))


def test_the_first_steps_of_the_manual_work_as_they_are_typed(
        package: Path, embedded: Embedded, receiver: Receiver, tmp_path: Path, show_log) -> None:
    assert run("dpkg-deb", "-x", package, tmp_path).returncode == 0
    topic, group = f"orders-{uuid.uuid4().hex[:8]}", f"postrider-{uuid.uuid4().hex[:8]}"
    manual = Manual(tmp_path / "usr/share/man/man1/postrider.1.gz", {
        "localhost:9092": embedded.bootstrap, "localhost:8080": f"127.0.0.1:{receiver.port}",
        "127.0.0.1:9464": f"127.0.0.1:{free_port()}", '"orders" ]': f'"{topic}" ]',
        "-t orders": f"-t {topic}", '"postrider"': f'"{group}"'})
    (tmp_path / "quickstart.cfg").write_text(manual.configuration)
    environment = {**os.environ, "PATH": f"{tmp_path}/usr/bin:{os.environ['PATH']}"}

    def typed(beginning: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", manual.command(beginning)], cwd=tmp_path, check=False,
                              env=environment, capture_output=True, text=True, timeout=60)

    def status() -> str:
        return typed("postrider status").stdout

    embedded.create_topic(topic)
    assert typed("postrider check -c").returncode == 0
    network = typed("postrider check --network")
    assert network.returncode == 0, network.stdout
    daemon = Process(["bash", "-c", f"cd {tmp_path}; exec {manual.command('postrider run')}"],
                     tmp_path / "log", environment)
    show_log(daemon)
    daemon.start()
    try:
        wait_until(lambda: typed("postrider status").returncode == 0, 30, lambda: daemon.tail())
        assert typed("kcat").returncode == 0
        receiver.wait_for(1, "/orders")
        assert re.search(r"^api\b.*delivering", status(), re.M), status()
        receiver.stop()
        for _ in range(12):
            assert typed("kcat").returncode == 0
        assert "connect to server" in daemon.wait_for_log("destination_open", timeout=60)
        wait_until(lambda: re.search(r"^api\b.*open", status(), re.M), 20, status)
        assert "connect to server" in status()
        receiver.start()
        daemon.wait_for_log("destination_closed", timeout=90)
        receiver.wait_for(13, "/orders", timeout=60)
        wait_until(lambda: re.search(r"^api\b.*(recovering|delivering)", status(), re.M), 30, status)
    finally:
        daemon.kill()


def test_the_compose_file_and_the_dockerfile_have_no_fault() -> None:
    need("docker-compose")
    composed = run("docker-compose", "-f", "docker-compose.yml", "config", "-q")
    assert composed.returncode == 0, composed.stderr
    judged = run(Path(sys.executable).parent / "hadolint", "etc/Dockerfile")
    assert judged.returncode == 0, judged.stdout


def complete(*words: str) -> list[str]:
    """What bash offers for the last word."""
    script = ('source etc/completion/postrider.bash; COMP_WORDS=("$@"); '
              'COMP_CWORD=$(($# - 1)); _postrider; printf "%s\\n" "${COMPREPLY[@]}"')
    done = run("bash", "-c", script, "bash", BINARY, *words)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_what_the_program_has() -> None:
    assert {"run", "check", "status", "reload", "dead-letters", "--version"} <= set(complete(""))
    assert complete("sta") == ["status"]
    assert {"--json", "--watch", "--config"} <= set(complete("status", "--"))
    assert complete("dead-letters", "red") == ["redrive"]
    assert "etc/demo.cfg" in complete("check", "-c", "etc/demo")
    assert complete("test-event", "--rule", "") == []


def test_zsh_understands_its_completion() -> None:
    if shutil.which("zsh") is None:
        pytest.skip("no zsh here")
    assert run("zsh", "-n", ETC / "completion/_postrider").stderr == ""


def test_alert_rules_are_right_and_do_what_they_say() -> None:
    need("promtool")
    for arguments in (("check", "rules", "postrider.rules.yml"),
                      ("test", "rules", "postrider.test.yml"),
                      ("check", "config", "prometheus.yml")):
        done = run("promtool", *arguments[:2], ETC / "prometheus" / arguments[2])
        assert done.returncode == 0, done.stdout + done.stderr


def metrics_named_in(text: str) -> set[str]:
    return {re.sub(r"_(bucket|count|sum)$", "", name)
            for name in re.findall(r"\bpostrider_[a-z_]+", text)}


def test_rules_and_dashboard_name_metrics_that_there_are() -> None:
    known = set(re.findall(r'"(postrider_\w+)"',
                           (ROOT / "include/app/metrics/metrics_table.h").read_text()))
    dashboard = json.loads((ETC / "grafana/postrider.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"]
                   for target in panel.get("targets", [])]
    assert len(expressions) > 20
    assert metrics_named_in("\n".join(expressions)) <= known
    rules = (ETC / "prometheus/postrider.rules.yml").read_text()
    assert metrics_named_in(rules) <= known


def test_every_alert_says_what_to_do() -> None:
    rules = (ETC / "prometheus/postrider.rules.yml").read_text()
    count = len(re.findall(r"^ +- alert:", rules, re.M))
    assert count > 10
    assert count == len(re.findall(r"^ +action:", rules, re.M))
    messages = (ETC / "man/postrider-messages.7").read_text()
    for message in re.findall(r"\bid=(\w+)", rules):
        assert f".It Ic {message}\n" in messages, message


def test_the_manifests_configuration_has_no_fault(tmp_path: Path) -> None:
    manifest = (ETC / "kubernetes/postrider.yml").read_text()
    begin = manifest.index("  postrider.cfg: |\n") + len("  postrider.cfg: |\n")
    text = re.sub(r"^    ", "", manifest[begin:manifest.index("---", begin)], flags=re.M)
    (tmp_path / "postrider.cfg").write_text(text)
    done = run(BINARY, "check", "--no-secrets", "-c", tmp_path / "postrider.cfg")
    # The comment there says so: a certificate is for the cluster to issue.
    assert done.returncode == 0 and done.stderr.count("\n") == 1, done.stderr
    assert "admin.token: is sent unencrypted" in done.stderr
    assert "kind: NetworkPolicy" in manifest


def test_the_manual_is_well_formed() -> None:
    need("mandoc")
    for page in (ETC / "man").iterdir():
        assert run("mandoc", "-T", "lint", "-W", "warning", page).stdout == "", page.name


def test_what_others_make_is_named_by_what_is_in_it() -> None:
    for workflow in (ROOT / ".github/workflows").iterdir():
        text = workflow.read_text()
        used = re.findall(r"uses: *(\S+)", text)
        assert used and [u for u in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", u)] == []
        assert "\npermissions:\n  contents: read\njobs:" in text and ": write" not in text
        assert text.count("persist-credentials: false") == text.count("actions/checkout@")
    images = re.findall(r"^FROM (\S+)", (ETC / "Dockerfile").read_text(), re.M) + \
        re.findall(r"^ +image: (\S+)", (ROOT / "docker-compose.yml").read_text(), re.M)
    assert len(images) >= 6
    assert [i for i in images if not re.search(r":[\w.-]+@sha256:[0-9a-f]{64}$", i)] == []
