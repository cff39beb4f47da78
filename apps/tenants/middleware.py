"""The edge: the operator of a request is its host, resolved once."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.urls import set_urlconf

from apps.tenants.choices import OperatorStatus
from apps.tenants.directory import operator_by_host
from apps.tenants.schema import enter_operator

GetResponse = Callable[[HttpRequest], HttpResponse]
HEALTH_PATH = "/health"
ADMIN_PATH = "/admin/"


class HealthMiddleware:
    """Answers /health before anything else, whatever the host."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == HEALTH_PATH:
            return JsonResponse({"status": "ok"})
        return self.get_response(request)


class OperatorMiddleware:
    """Sets the schema of the host's operator; 404 for an unknown host, 403 while suspended."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        operator = operator_by_host(request.META.get("HTTP_HOST", ""))
        if operator is None:
            return HttpResponseNotFound("No operator answers at this host.", "text/plain")
        enter_operator(operator)
        if operator.status != OperatorStatus.ACTIVE:
            return HttpResponse("This operator is suspended.", "text/plain", status=403)
        request.tenant = operator  # type: ignore[attr-defined]
        if operator.is_public:
            request.urlconf = settings.PUBLIC_SCHEMA_URLCONF
            set_urlconf(settings.PUBLIC_SCHEMA_URLCONF)
        else:
            set_urlconf(None)
        return self.get_response(request)


class AdminPolicyMiddleware:
    """Loosens the Content-Security-Policy below /admin/ by what Unfold needs, nowhere else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith(ADMIN_PATH):
            response._csp_update = settings.ADMIN_CSP_UPDATE  # type: ignore[attr-defined]
        return response
