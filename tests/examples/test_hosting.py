"""What is hosted: the worker itself, and that recipe and manifest agree with each other and with the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from duckwing.http.supervisor import GRACE_SECONDS
from duckwing.process.options import Options, parse_options
from duckwing.state.seal import KEY_VARIABLE, signing_keys

if TYPE_CHECKING:
    import duckdb

EXAMPLE = Path(__file__).parents[2] / "examples" / "hosting"

FLAGS = {"--http", "--host", "--port", "--processes", "--log-level", "--log-format", "--metrics", "--quiet"}
"""Of the command line, as docs/http.md has them: others would be left to the author's code."""


def recipe(instruction: str) -> str:
    [found] = re.findall(rf"^{instruction} (.+)$", (EXAMPLE / "Containerfile").read_text(), re.M)
    return str(found)


def entry_point(arguments: list[str]) -> list[str]:
    command: list[str] = json.loads(recipe("ENTRYPOINT"))
    return [*command, *arguments]


def options(arguments: list[str]) -> Options:
    """What the container is told; fails if a flag is unknown to the command line."""
    program, run, file, *flags = entry_point(arguments)
    assert (program, run, file) == ("duckwing", "run", recipe("COPY").split()[0])
    assert (EXAMPLE / file).is_file()
    assert {flag for flag in flags if flag.startswith("--")} <= FLAGS
    return parse_options(flags, {})


def test_the_recipe_starts_a_worker_that_others_can_reach() -> None:
    told = options(json.loads(recipe("CMD")))
    assert told.http is not None
    assert (told.http.host, told.http.port, told.processes) == ("0.0.0.0", int(recipe("EXPOSE")), 2)
    state = recipe("ENV").removeprefix("DUCKWING_STATE_DIR=")
    assert Path(state).parent == Path(recipe("VOLUME"))  # a folder that the worker makes for itself


def test_the_manifest_fits_the_recipe_and_the_worker() -> None:
    yaml = pytest.importorskip("yaml", reason="no PyYAML")
    deployment, service = yaml.safe_load_all((EXAMPLE / "kubernetes.yaml").read_text())
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    told = options(container["args"])
    assert told.http is not None
    assert told.http.metrics
    assert [port["containerPort"] for port in container["ports"]] == [told.http.port]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": f"{told.http.prefix}/health", "port": "http"}
    word, pause = container["lifecycle"]["preStop"]["exec"]["command"]
    assert word == "sleep"
    assert pod["terminationGracePeriodSeconds"] > int(pause) + GRACE_SECONDS + 2
    assert str(pod["securityContext"]["runAsUser"]) == recipe("USER")
    # With a root that is read-only, each place that is written to needs a volume.
    assert container["securityContext"]["readOnlyRootFilesystem"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert set(mounts) == {recipe("VOLUME"), "/dev/shm", "/tmp"}
    volumes = {volume["name"]: volume["emptyDir"] for volume in pod["volumes"]}
    assert set(mounts.values()) == set(volumes)
    assert volumes[mounts["/dev/shm"]]["medium"] == "Memory"
    variables = {variable["name"] for variable in container["env"]}
    assert variables == {KEY_VARIABLE, "VGI_BEARER_TOKENS"}
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["ports"][0]["targetPort"] == "http"


def test_a_key_as_the_manifest_makes_it() -> None:
    made = "5f" * 32  # openssl rand -hex 32
    assert signing_keys({KEY_VARIABLE: made}) == (bytes.fromhex(made),)


@pytest.mark.sql
def test_the_worker(connection: duckdb.DuckDBPyConnection, attach: Callable[..., str], tmp_path: Path) -> None:
    """On a free port of the loopback: of a repeated flag the last counts."""
    _, *words = entry_point(["--processes", "2", "--host", "127.0.0.1", "--port", "0"])
    environment = {
        **os.environ,
        KEY_VARIABLE: "11" * 32,
        "VGI_BEARER_TOKENS": "Zx8kq1r7=me",
        "DUCKWING_STATE_DIR": str(tmp_path / "state" / "duckwing"),
    }
    command = [sys.executable, "-m", "duckwing.cli", *words]
    with subprocess.Popen(command, cwd=EXAMPLE, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().removeprefix("PORT:").strip()
            attach(connection, f"http://127.0.0.1:{port}", "primes", bearer_token="Zx8kq1r7")
            query = "SELECT count(*), max(prime), bool_and(primes.is_prime(prime)) FROM primes.primes_up_to(250000)"
            assert connection.execute(query).fetchone() == (22_044, 249_989, True)
            small = "SELECT list(prime ORDER BY prime) FROM primes.primes_up_to(20)"
            assert connection.execute(small).fetchone() == ([2, 3, 5, 7, 11, 13, 17, 19],)
        finally:
            process.terminate()
        assert process.wait(60) == 0
