"""The peak of a process's memory, and scripts run in processes of their own."""

import json
import pathlib
import re
import subprocess
import sys


def peak_mebibytes():
    """Returns the most memory that this process ever had, in MiB (Linux)."""
    # That of `getrusage` begins with the peak of the process that started this one.
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 1024


def run_alone(script, *arguments):
    """Runs a script in a process of its own; returns the JSON of its last line.

    Raises:
        subprocess.CalledProcessError: If it fails, such as for want of memory.
    """
    command = [sys.executable, script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])
