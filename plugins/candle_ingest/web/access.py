"""Access to pipelines: Airflow's own sign-in and permissions.

Airflow leaves a plugin's paths open to everyone, so the app itself has to check. `core_api.security` is not a public
interface of Airflow; tests check what is used here.
"""

from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep, get_user, requires_access_dag
from fastapi import Depends, HTTPException, Request

from candle_ingest.pipelines import load_pipelines
from candle_ingest.settings import PipelineSettings

SIGNED_IN = Depends(get_user)


def dag_ids(settings: PipelineSettings) -> tuple[str, ...]:
    """Return the DAGs of a pipeline."""
    return settings.backfill_dag_id, settings.catch_up_dag_id, settings.repair_dag_id


def readable_pipelines(request: Request, user: GetUserDep) -> dict[str, PipelineSettings]:
    """Return, by name, the pipelines whose DAGs the user may all read."""
    return {name: found for name, found in load_pipelines().items() if _may_read(found, request, user)}


def readable_pipeline(pipeline: str, request: Request, user: GetUserDep) -> PipelineSettings:
    """Return the pipeline that the address names.

    Raises the same 404 if there is none and if the user may not read it, so that names cannot be guessed.
    """
    settings = load_pipelines().get(pipeline)
    if settings is None or not _may_read(settings, request, user):
        raise HTTPException(
            404,
            f"There is no pipeline {pipeline[:50]!r} that you may see. "
            "Seeing one needs the right to read all of its DAGs.",
        )
    return settings


def _may_read(settings: PipelineSettings, request: Request, user: GetUserDep) -> bool:
    return all(_may_read_dag(dag_id, request, user) for dag_id in dag_ids(settings))


def _may_read_dag(dag_id: str, request: Request, user: GetUserDep) -> bool:
    try:
        requires_access_dag("GET", param_dag_id=dag_id)(request, user)
    except HTTPException as error:
        if error.status_code != 403:
            raise
        return False
    return True


Pipeline = Annotated[PipelineSettings, Depends(readable_pipeline)]
ReadablePipelines = Annotated[dict[str, PipelineSettings], Depends(readable_pipelines)]
