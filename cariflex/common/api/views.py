"""The base of every API view."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from cariflex.common.api.errors import LengthRequired
from cariflex.common.api.parameters import Parameters, read_parameters


class ApiView(APIView):
    """English and UTC, whatever the browser asks for; nothing but the declared parameters.

    `permissions`: method -> the model permissions that it needs. `refusal_statuses`: code of a
    DomainError -> HTTP status where it is not 400.
    """

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    permissions: Mapping[str, tuple[str, ...]] = {}
    refusal_statuses: Mapping[str, int] = {}
    parameters: type[Parameters] = Parameters
    takes_chunked = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """As in the base, in English and UTC."""
        with translation.override("en"), timezone.override(UTC):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Once it is clear who asks: read the parameters into `self.query`."""
        super().initial(request, *args, **kwargs)
        # Behind WSGI a body without length looks empty.
        if request.META.get("HTTP_TRANSFER_ENCODING") and not self.takes_chunked:
            raise LengthRequired
        self.query = read_parameters(request, self.parameters)

    @property
    def page(self) -> dict[str, Any]:
        """The parameters of a list, for its selector."""
        return {"after": None, **self.query}


class NothingHere(ApiView):
    """Any other address below the API: 404 in the API's own shape, for whoever is logged in."""

    permissions = dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), ())
    takes_chunked = True
    schema = None

    def _refuse(self, request: Request, *_args: object, **_kwargs: object) -> HttpResponseBase:
        raise NotFound

    get = post = put = patch = delete = _refuse

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Not found comes before a word on parameters."""
        APIView.initial(self, request, *args, **kwargs)
