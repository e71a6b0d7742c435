"""Errors of the local stack: each is one line that says what went wrong and what to do."""

from __future__ import annotations

from candle_ingest.errors import CandleIngestError
from candle_ingest.errors.base import without_names


class LocalStackError(CandleIngestError):
    """Shown to the user without a traceback; ends the run with exit status 1."""


class StackOptionError(LocalStackError):
    """The user corrects the command."""

    name = "make-variable"
    cause = (
        "A variable of `make run` has an invalid value, or needs another variable that is not set; or a variable after "
        "`make` is misspelt."
    )
    cure = "The message says what is allowed; `make` lists all variables with their defaults."
    example = "ONCE is 'maybe'; allowed is 1 or 0."


class PortBusyError(LocalStackError):
    """The user chooses another port."""

    name = "port-busy"
    cause = "Another program listens on a port that a variable names."
    cure = "End that program, name another port, or leave the variable out to get a free port."
    example = "Port 8080 for Airflow is busy: end the program that uses it, or choose another with AIRFLOW_PORT=8081."


class StackRunningError(LocalStackError):
    """The user stops the other run."""

    name = "stack-running"
    cause = "Another `make run`, or a process left over from one that was killed, uses the same folder."
    cure = "Stop it with Ctrl-C in its terminal, or choose another folder with LOCAL_STACK_FOLDER."
    example = "The local stack already runs with .local_stack/simulated (process 4711): stop it first."


class ProgramMissingError(LocalStackError):
    """The administrator of the machine installs the program."""

    name = "program-missing"
    cause = "A server's program is not installed, or could not be downloaded or built."
    cure = (
        "The message says what to install. Or use a server of your own: INFLUXDB_URL, REDIS_HOST, AIRFLOW_DATABASE_URL."
    )
    example = "No influxd 2.9.1: to build it, install go, then try again."


class ServerNotReadyError(LocalStackError):
    """The log of the server has the reason."""

    name = "server-not-ready"
    cause = "A server that was started, or that you named, ended or did not answer in time."
    cure = "Read its log in the folder `logs` of the local stack; the machine may be short of memory or very busy."
    example = "Airflow's API server did not answer within 180 seconds."


class ServerRefusedError(LocalStackError):
    """The secret is wrong, or lacks permissions."""

    name = "server-refused"
    cause = "InfluxDB, Redis or PostgreSQL refuses the secret, or a request of the local stack."
    cure = "Correct the variable that the message names. For servers of the local stack, `make clean-data` starts over."
    example = "Redis at 127.0.0.1:6379 refuses the password: set REDIS_PASSWORD to its password."


class StackSettingsError(LocalStackError):
    """The user corrects the file."""

    name = "stack-settings"
    cause = "`airflow_settings.yaml`, or the settings of the pipelines, cannot be used."
    cure = "Correct what the message names."
    example = "airflow_settings.yaml has no section `airflow`."


class StackAirflowError(LocalStackError):
    """The logs of Airflow have the reason."""

    name = "stack-airflow"
    cause = "Airflow does not load the DAGs, does not answer, or refuses a request of the local stack."
    cure = "Read `api-server.log`, `scheduler.log` and `dag-processor.log` in the folder `logs` of the local stack."
    example = "Airflow can't load candle_dags.py: SyntaxError: invalid syntax"


class StackIncompleteError(LocalStackError):
    """The runs in Airflow, or the exchanges, have the reason."""

    name = "stack-incomplete"
    cause = "Some candles are missing at the end of `make run`: runs failed, or still wait for data of an exchange."
    cure = (
        "See the reason in the message or in the lines before it. Failed requests are retried: keep `make run` "
        "running, or run it again. If no exchange lists a symbol, correct SYMBOLS or the list in Redis."
    )
    example = "Candles are missing: ETH/USD 5. ETH/USD, 2026-11-20T12:00Z: kraken failed: HTTP 503"


class StackReportError(LocalStackError):
    """The message of the server has the reason."""

    name = "stack-report"
    cause = "The stored candles could not be counted for the table at the end of `make run`."
    cure = "The message ends with the reason. The candles remain stored; run `make run` again."
    example = "Can't read what is stored: ConnectionError: Connection refused"

    def __str__(self) -> str:
        """Return the message; if it contains the name of a pipeline error, keep that one, as it says what to do."""
        said = str(self.args[0])
        return super().__str__() if without_names(said) == said else said
