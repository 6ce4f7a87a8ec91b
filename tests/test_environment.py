"""Facts about the machine that every result carries."""

import json
import platform
import subprocess
import sys

import numpy as np

from bakeoff.environment import machine, versions


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
