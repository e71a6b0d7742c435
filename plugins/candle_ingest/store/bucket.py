"""Write and read one bucket of InfluxDB 2.x, synchronously and with retries."""

import csv
import io
import itertools
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import tenacity
import urllib3.exceptions
from influxdb_client import InfluxDBClient, Point, WritePrecision
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.dialect import Dialect
from influxdb_client.rest import ApiException

from candle_ingest.candles.window import Window
from candle_ingest.errors import CandleIngestError, PermanentError
from candle_ingest.errors.servers import (
    BucketMissingError,
    InfluxCertificateError,
    InfluxRefusedError,
    InfluxRequestError,
    InfluxUnreachableError,
    RefusedLinesError,
)
from candle_ingest.metrics import emit
from candle_ingest.metrics.catalogue import INFLUXDB_ERRORS, INFLUXDB_WRITE
from candle_ingest.plurals import counted
from candle_ingest.servers.certificates import refused_certificate
from candle_ingest.servers.retry_after import retry_after_seconds

logger = logging.getLogger(__name__)
T = TypeVar("T")
BATCH_LINES = 5_000
REPORTED_LINES = 10
# An unreadable line, a batch that is too large, a partial write.
REFUSED_STATUSES = (400, 413, 422)
NO_TABLE = "InfluxDB, query: the answer is not a whole table; a proxy in front of InfluxDB may have changed it"
DISK_FULL = "no space left on device"
ATTEMPTS = 6
FIRST_WAIT_SECONDS = 1.0
MAX_WAIT_SECONDS = 30
PLAIN_CSV = Dialect(header=True, delimiter=",", annotations=[], comment_prefix="#", date_time_format="RFC3339")


class InfluxTemporaryError(InfluxUnreachableError):
    """InfluxDB may answer later; `retry_after_seconds` is what it asked for, if it did."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after


class InfluxBucket:
    """A bucket, through one client. As a context manager it closes the client.

    Each request is tried `attempts` times: a task can wait for the server longer than a person can.
    """

    def __init__(self, client: InfluxDBClient, bucket: str, attempts: int = ATTEMPTS) -> None:
        self.name = bucket
        self._attempts = attempts
        self._client = client
        self._write_api = client.write_api(write_options=SYNCHRONOUS)
        self._query_api = client.query_api()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def create_if_missing(self) -> None:
        """Create the bucket if it is missing and the token may; otherwise raise BucketMissingError."""
        buckets = self._client.buckets_api()
        if self._exists():
            return
        try:
            self._call("create the bucket", lambda: buckets.create_bucket(bucket_name=self.name))
        except PermanentError as error:
            # Another task may have created it in between.
            if self._exists():
                return
            raise BucketMissingError(
                f"InfluxDB has no bucket {self.name!r} that this token may see, and it may not create one: create "
                f"the bucket, or use a token that may read and write buckets ({error})"
            ) from error
        logger.info("Created the InfluxDB bucket %s", self.name)

    def _exists(self) -> bool:
        buckets = self._client.buckets_api()
        return self._call("look for the bucket", lambda: buckets.find_bucket_by_name(self.name)) is not None

    def write_lines(self, lines: Iterable[str], precision: Any = WritePrecision.MS) -> None:
        """Write line protocol in batches of 5,000; times are in units of `precision`.

        Batches are written in order, one at a time; meanwhile a thread prepares the next one. Raises RefusedLinesError
        if InfluxDB refuses lines; the first ten of them are in the log.
        """
        refused: list[str] = []
        rest = iter(lines)
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="line-protocol") as maker:
            making = maker.submit(_next_batch, rest)
            while batch := making.result():
                making = maker.submit(_next_batch, rest)
                self._write_part(batch, precision, refused)
        if refused:
            raise RefusedLinesError(f"InfluxDB refuses {len(refused)} or more lines; the first one: {refused[0]}")

    def write_points(self, points: Sequence[Point]) -> None:
        """Write points whose times are in nanoseconds."""
        self.write_lines([point.to_line_protocol() for point in points], WritePrecision.NS)

    def delete(self, window: Window, predicate: str) -> None:
        """Delete the points within `window`, both ends included, that match `predicate` (InfluxDB's delete syntax)."""
        start, stop = (datetime.fromtimestamp(time_ms / 1000, UTC) for time_ms in (window.start_ms, window.end_ms))
        delete_api = self._client.delete_api()
        self._call("delete", lambda: delete_api.delete(start, stop, predicate, bucket=self.name))

    def query(self, flux: str, **params: Any) -> list[dict[str, str]]:
        """Return the rows of a Flux query, as text by column name.

        `params` (and `bucket`, this bucket's name) are variables of the query; the client library passes them as
        escaped literals. Raises BucketMissingError if the bucket does not exist.
        """
        return self._call("query", lambda: csv_rows(self._read(flux, {"bucket": self.name, **params})))

    def query_rows(self, flux: str, **params: Any) -> Iterator[dict[str, str]]:
        """Return the rows as `query` does, one at a time, for long responses of which little is kept."""
        return iterate_csv_rows(self.query_csv(flux, **params))

    def query_csv(self, flux: str, **params: Any) -> str:
        """Return the response to a Flux query as sent: CSV without annotations. Params and errors as in `query`."""
        return self._call("query", lambda: _whole(self._read(flux, {"bucket": self.name, **params})))

    def _write_part(self, lines: Sequence[str], precision: Any, refused: list[str]) -> None:
        """Write lines; halve them if they are too many at once, and to find the refused ones."""
        try:
            self._call("write", partial(self._write, "\n".join(lines).encode(), precision))
        except RefusedLinesError as error:
            if len(lines) == 1:
                refused.append(f"{lines[0]}: {error}")
                logger.error("InfluxDB refuses the line %s", refused[-1])
            elif len(refused) < REPORTED_LINES:
                logger.warning("%s are written in smaller parts: %s", counted(len(lines), "line"), error)
                middle = len(lines) // 2
                for part in (lines[:middle], lines[middle:]):
                    self._write_part(part, precision, refused)

    def _write(self, record: bytes, precision: Any) -> None:
        with emit.timed(INFLUXDB_WRITE):
            self._write_api.write(self.name, record=record, write_precision=precision)

    def _read(self, flux: str, params: dict[str, Any]) -> str:
        response = self._query_api.query_raw(flux, dialect=PLAIN_CSV, params=params)
        return bytes(response.data).decode()

    def _call(self, what: str, call: Callable[[], T]) -> T:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(InfluxTemporaryError),
            stop=tenacity.stop_after_attempt(self._attempts),
            wait=_wait_seconds,
            before_sleep=tenacity.before_sleep_log(logger, logging.WARNING),
            reraise=True,
        )
        try:
            return retrying(self._call_once, what, call)
        except InfluxTemporaryError as error:
            tries = f" after {self._attempts} tries" if self._attempts > 1 else ""
            raise InfluxUnreachableError(f"Failed to connect to InfluxDB{tries}: {error}") from error

    def _call_once(self, what: str, call: Callable[[], T]) -> T:
        try:
            return self._answer(what, call)
        except CandleIngestError:
            emit.count(INFLUXDB_ERRORS, what=what.replace(" ", "_"))
            raise

    def _answer(self, what: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except ApiException as error:
            raise self._translated(what, error) from error
        except InfluxDBError as error:
            # Raised by the client itself: the token may not read its organization.
            raise InfluxRefusedError(f"InfluxDB, {what} in bucket {self.name!r}: {error}") from error
        except (urllib3.exceptions.HTTPError, ConnectionError, TimeoutError) as error:
            raise InfluxTemporaryError(f"InfluxDB, {what}: {error}") from error

    def _translated(self, what: str, error: ApiException) -> Exception:
        if reason := refused_certificate(error):
            return InfluxCertificateError(
                f"InfluxDB, {what}: {reason}. Name the file of its CA in the extra of influxdb_default, ssl_ca_cert, "
                "or, with INFLUXDB_URL, in the variable SSL_CERT_FILE"
            )
        if not error.status:
            # No response: the client's own error for a broken TLS connection.
            return InfluxTemporaryError(f"InfluxDB, {what}: {error.reason}")
        return self._refusal(what, error.status, error)

    def _refusal(self, what: str, status: int, error: ApiException) -> Exception:
        """Return the error for a response with an error status."""
        body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body)
        refused = f"InfluxDB, {what} in bucket {self.name!r}: HTTP {status}"
        text = f"{refused}: {body[:500]}"
        if status == 404:
            return BucketMissingError(
                f"{refused}: {_message_of(body)}. "
                "validate_symbols creates the bucket: unpause the DAGs, or clear that task"
            )
        if status in (401, 403):
            return InfluxRefusedError(
                f"{text}. Check the token in influxdb_default (or influxdb_read, or INFLUXDB_TOKEN), and what it may do"
            )
        if status == 429 or status >= 500 or DISK_FULL in text:
            return InfluxTemporaryError(text, retry_after_seconds(error.headers, datetime.now(UTC)))
        return RefusedLinesError(text) if status in REFUSED_STATUSES else InfluxRequestError(text)


def _message_of(body: str) -> str:
    """Return the message in InfluxDB's JSON, or the body of another program that answers in its place."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:500]


def _wait_seconds(state: tenacity.RetryCallState) -> float:
    grown: float = tenacity.wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=MAX_WAIT_SECONDS)(state)
    error = state.outcome.exception() if state.outcome else None
    asked_for = getattr(error, "retry_after_seconds", None) or 0.0
    return max(grown, min(asked_for, MAX_WAIT_SECONDS))


def _next_batch(lines: Iterator[str]) -> list[str]:
    """Return the next batch, empty if no line is left."""
    return list(itertools.islice(lines, BATCH_LINES))


def _whole(body: str) -> str:
    """Return the response if it was not truncated."""
    if body and not body.endswith("\n"):
        raise InfluxTemporaryError(NO_TABLE)
    return body


def csv_rows(body: str) -> list[dict[str, str]]:
    """Return the rows of a query's response, as text by column name; raises as `iterate_csv_rows` does."""
    return list(iterate_csv_rows(body))


def iterate_csv_rows(body: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a query's response, as text by column name.

    It holds tables of annotated CSV without annotations: each has its own header, with empty lines between tables.
    Anything else raises InfluxTemporaryError: it must not be taken for a response without rows.
    """
    header: list[str] | None = None
    try:
        for cells in csv.reader(io.StringIO(_whole(body))):
            if not cells:
                header = None
            elif header is None:
                header = _header(cells)
            else:
                yield _row(header, cells)
    except (csv.Error, ValueError) as error:
        raise InfluxTemporaryError(f"{NO_TABLE} ({error})") from error


def _row(header: list[str], cells: list[str]) -> dict[str, str]:
    row = dict(zip(header, cells, strict=True))
    # An error in the middle of a response comes as a separate table, with status 200.
    if "error" in row and "reference" in row:
        raise InfluxTemporaryError(f"InfluxDB, query: {row['error']}")
    return row


def _header(cells: list[str]) -> list[str]:
    if not {"result", "table"} <= set(cells) and not {"error", "reference"} <= set(cells):
        raise InfluxTemporaryError(NO_TABLE)
    return cells
