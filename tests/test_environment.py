"""Facts about the machine that every result carries."""

import json
import math
import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from bakeoff import environment
from bakeoff.environment import cores, machine, versions


def test_machine():
    found = machine()
    json.dumps(found, allow_nan=False)
    assert found["cores"] >= 1
    assert found["memory_bytes"] > 1e8
    assert found["processor"]
    assert platform.system() in found["platform"]


def test_versions_are_read_without_importing_the_packages():
    assert versions()["python"] == platform.python_version()
    assert versions()["numpy"] == np.__version__
    code = (
        "import sys; from bakeoff.environment import versions; versions(); "
        "sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("own", "files", "cpus"),
    [
        ("0::/", {}, math.inf),
        ("0::/", {"cpu.max": "max 100000"}, math.inf),
        ("0::/", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/pod/step", {"pod/cpu.max": "200000 100000", "pod/step/cpu.max": "max 100000"}, 2),
        ("0::/pod/step", {"pod/cpu.max": "200000 100000", "pod/step/cpu.max": "50000 50000"}, 1),
        # The host's name of the group, which is the root in a container.
        ("0::/kubepods/burstable/pod1", {"cpu.max": "300000 100000"}, 3),
        ("0::/pod", {"other/cpu.max": "100000 100000"}, math.inf),
        (
            "4:cpu,cpuacct:/docker/1\n3:memory:/docker/1",
            {"cpu/cpu.cfs_quota_us": "250000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            2.5,
        ),
        (
            "1:cpu:/a\n0::/",
            {"cpu/a/cpu.cfs_quota_us": "-1\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
            math.inf,
        ),
        ("0::/", {"cpu.max": "nonsense"}, math.inf),
    ],
)
def test_quota_of_control_groups(tmp_path, own, files, cpus):
    (tmp_path / "cgroup").write_text(own + "\n")
    for name, content in files.items():
        path = tmp_path / "mounted" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert environment._quota(tmp_path / "cgroup", tmp_path / "mounted") == cpus
    assert environment._quota(tmp_path / "none", tmp_path) == math.inf


def test_cores_are_those_a_process_may_use(monkeypatch):
    assert 1 <= cores() <= len(os.sched_getaffinity(0))
    monkeypatch.setattr(environment, "_quota", lambda *_: 0.5)
    assert cores() == 1
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
        "from bakeoff.environment import cores; print(cores())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "1\n"
