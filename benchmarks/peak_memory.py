"""The peak of a process's memory, and scripts run in processes of their own."""

import json
import resource
import subprocess
import sys


def peak_mebibytes():
    """Returns the most memory that this process ever had, in MiB (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_alone(script, *arguments):
    """Runs a script in a process of its own; returns the JSON of its last line.

    Raises:
        subprocess.CalledProcessError: If it fails, such as for want of memory.
    """
    command = [sys.executable, script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])
