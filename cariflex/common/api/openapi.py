"""What the OpenAPI document says of every address: its parameters and its refusals."""

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

from cariflex.common.api.errors import ApiErrorSerializer

Direction = Literal["request", "response"]
REFUSALS = {
    "400": "The request is wrong; `field` names the input.",
    "401": "Not logged in.",
    "403": "Not allowed.",
    "404": "There is nothing here.",
    "406": "No such form of answer.",
    "429": "Too many failed log-ins.",
}


class Schema(AutoSchema):
    """Adds the view's declared parameters and the refusals that every view may give."""

    def get_override_parameters(self) -> Any:
        """The declared query parameters of a GET."""
        parameters = getattr(self.view, "parameters", None)
        declared = self.method == "GET" and parameters is not None and parameters().fields
        return [parameters] if declared else []

    def get_tags(self) -> list[str]:
        """The noun of the path."""
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def get_operation_id(self) -> str:
        """`devices_list`, `devices_read`, `setpoints_create`: names for generated clients."""
        noun = "_".join(
            part for part in self.path.removeprefix("/api/v1/").split("/") if "{" not in part
        )
        return f"{noun}_{_VERBS[self.method, self.path.endswith('}')]}"

    def _get_response_bodies(self, direction: Direction = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        for status, words in REFUSALS.items():
            if status not in bodies:
                refusal = OpenApiResponse(ApiErrorSerializer, words)
                bodies[status] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    refusal, status, ["application/json"]
                )
        return dict(sorted(bodies.items()))


_VERBS = {
    ("GET", False): "list",
    ("GET", True): "read",
    ("POST", False): "create",
    ("POST", True): "create",
    ("PATCH", True): "change",
    ("PUT", True): "replace",
    ("DELETE", True): "remove",
}


def without_slash_twins(endpoints: list[Any]) -> list[Any]:
    """Each address once: the form without the slash at its end."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


def without_titles(result: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
    """Names of fields are names enough; their labels are words of the back office."""
    for component in result["components"]["schemas"].values():
        for field in component.get("properties", {}).values():
            field.pop("title", None)
    return result
