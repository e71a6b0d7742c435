"""Options that the commands share."""

from typing import Annotated

import typer

from candle_ingest.cli.output import warn
from candle_ingest.errors.settings import PipelineUnknownError
from candle_ingest.pipelines import CONFIG_VARIABLE, load_pipelines
from candle_ingest.reports.simulated_data import is_simulated
from candle_ingest.settings import PipelineSettings

Pipeline = Annotated[str, typer.Option(help=f"Name of the pipeline in the settings file ({CONFIG_VARIABLE})")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; its field `simulated` marks simulated data")]


def pipeline_settings(name: str) -> PipelineSettings:
    """Return the settings of a pipeline; warn of simulated data on the standard error.

    Raises ConfigurationError that lists the pipelines if there is no such pipeline.
    """
    pipelines = load_pipelines()
    if name not in pipelines:
        raise PipelineUnknownError(f"no pipeline {name!r}; there are {', '.join(pipelines)}")
    settings = pipelines[name]
    if is_simulated(settings):
        warn(f"SIMULATED data: the prices in bucket {settings.influxdb_bucket} are invented, none of them is real")
    return settings
