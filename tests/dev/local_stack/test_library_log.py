import subprocess
import sys

from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.ports import free_port

FAILING_RETRY = """
import sys, warnings
from pathlib import Path
import urllib3
from dev.local_stack.library_log import log_libraries_to

log_libraries_to(Path(sys.argv[1]))
warnings.warn("deprecated")
try:
    urllib3.PoolManager().request("GET", f"http://127.0.0.1:{sys.argv[2]}", retries=1)
except urllib3.exceptions.MaxRetryError:
    print("ended")
"""


def test_warnings_of_libraries_go_to_a_file_and_not_to_the_terminal(tmp_path):
    command = [sys.executable, "-c", FAILING_RETRY, str(tmp_path / "logs"), str(free_port())]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")
    log = (tmp_path / "logs" / "stack.log").read_text()
    assert "WARNING urllib3.connectionpool: Retrying" in log
    assert "deprecated" in log
