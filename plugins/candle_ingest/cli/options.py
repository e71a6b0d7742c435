"""Options that the commands share."""

from typing import Annotated

import typer

from candle_ingest.errors.settings import PipelineUnknownError
from candle_ingest.pipelines import CONFIG_VARIABLE, load_pipelines
from candle_ingest.settings import PipelineSettings

Pipeline = Annotated[str, typer.Option(help=f"Name of the pipeline in the settings file ({CONFIG_VARIABLE})")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]


def pipeline_settings(name: str) -> PipelineSettings:
    """Return the settings of a pipeline. Raises ConfigurationError that lists the pipelines."""
    pipelines = load_pipelines()
    if name not in pipelines:
        raise PipelineUnknownError(f"no pipeline {name!r}; there are {', '.join(pipelines)}")
    return pipelines[name]
