"""Every answer is one that the OpenAPI document promises: generated requests, good and bad, against the real application."""

from __future__ import annotations

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from crossmodal.server.app import create_app
from crossmodal.server.settings import Settings

# Not whether a well-formed request succeeds: an unknown column or a file that is no music is refused for reasons no document states
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
schema = schemathesis.openapi.from_asgi(
    "/api/openapi.json", create_app([], settings=Settings()), headers={"host": "127.0.0.1"}
)


@schema.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
    phases=[Phase.generate],
)
def test_answers_are_as_the_document_says(case: schemathesis.Case, client: TestClient) -> None:
    """Ids of indexes are replaced by the real one half of the time, so that requests get further than "no such index"."""
    if case.path_parameters.get("index") and len(str(case.path_parameters["index"])) % 2:
        case.path_parameters["index"] = "idx"
    answer = case.call(session=client, headers={"host": "127.0.0.1"})
    case.validate_response(answer, checks=CHECKS)


def test_the_document_names_all_that_the_page_asks_for(client: TestClient) -> None:
    paths = client.get("/api/openapi.json").json()["paths"]
    for path in (
        "search",
        "similar",
        "tag",
        "identify",
        "match",
        "items",
        "audio",
        "cover",
        "waveform",
        "pages",
        "map",
        "excitement",
    ):
        assert f"/api/indexes/{{index}}/{path}" in paths
    assert {"/api/align", "/api/align/{job}", "/api/health", "/api/ready"} <= set(paths)


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_that_loads_from_elsewhere_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
