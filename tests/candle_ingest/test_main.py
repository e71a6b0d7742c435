import os
import subprocess
import sys

PROGRAM = """
from candle_ingest import __main__ as program
program._log_to_stderr()
import logging
from airflow.sdk.log import mask_secret
mask_secret("abc")  # Airflow warns that it is too short
logging.getLogger("candle_ingest").warning("of ours")
print("the answer")
"""


def test_what_is_logged_stays_out_of_the_answer(tmp_path):
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "the answer\n"
    assert "too short" in done.stderr
    assert "of ours" in done.stderr
