"""The raw trace of a device's gateway, and what came of probing many devices."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.assets.admin.commissioning_words import job_error, refusal
from apps.assets.choices import JobKind, JobStatus
from apps.assets.models import Device, GatewayJob
from apps.assets.selectors.commissioning import device_jobs, jobs_by_id
from apps.assets.services.commissioning import MOST_PROBES, job_ask, probes_ask
from apps.assets.services.commissioning_steps import models_found
from cariflex.common.errors import DomainError

_PENDING = (JobStatus.QUEUED, JobStatus.RUNNING)


class TraceMixin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The last frames on the wire between us and a device's gateway."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        urls: list[URLPattern] = super().get_urls()
        return [
            path("<int:device_id>/trace/", view(self.trace_view), name="assets_device_trace"),
            path(
                "<int:device_id>/trace.txt",
                view(self.trace_text_view),
                name="assets_device_trace_text",
            ),
            *urls,
        ]

    def trace_view(self, request: HttpRequest, device_id: int) -> HttpResponse:
        """The frames of the newest answer; a POST asks for them anew."""
        device = self.device_or_404(request, device_id)  # type: ignore[attr-defined]
        if request.method == "POST":
            if not self.has_change_permission(request, device):
                raise PermissionDenied
            try:
                job_ask(device_id=device.pk, kind=JobKind.TRACE, requested_by=request.user)  # type: ignore[arg-type]
            except DomainError as error:
                messages.error(request, refusal(error))
            return HttpResponseRedirect(trace_url(device))
        jobs = device_jobs(device)
        newest, done = jobs.newest.get(JobKind.TRACE), jobs.done.get(JobKind.TRACE)
        is_pending = newest is not None and newest.status in _PENDING
        return TemplateResponse(
            request,
            "admin/assets/trace.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Raw trace of %(gateway)s") % {"gateway": device.gateway},
                "opts": self.opts,
                "device": device,
                "may_change": self.has_change_permission(request, device),
                "job": newest,
                "job_error": job_error(newest.error) if newest and newest.error else "",
                "is_pending": is_pending,
                "refresh_s": 2 if is_pending else None,
                "answered_at": done.finished_at if done else None,
                "entries": trace_entries(done),
            },
        )

    def trace_text_view(self, request: HttpRequest, device_id: int) -> HttpResponse:
        """The same frames as lines of text, to send to the manufacturer."""
        device = self.device_or_404(request, device_id)  # type: ignore[attr-defined]
        done = device_jobs(device).done.get(JobKind.TRACE)
        if done is None:
            raise Http404
        text = trace_text(device, done)
        response = HttpResponse(text, content_type="text/plain; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="trace-{device.code}.txt"'
        return response


def trace_url(device: Device) -> str:
    """The page with the raw trace of a device's gateway."""
    return reverse("admin:assets_device_trace", args=[device.pk])


def trace_entries(job: GatewayJob | None) -> list[dict[str, Any]]:
    """The frames, newest last, with their time and the hex in pairs."""
    if job is None or job.answer is None:
        return []
    return [
        {
            "at": timezone.localtime(datetime.fromisoformat(entry["at"])),
            "is_request": entry["is_request"],
            "unit_id": entry["unit_id"],
            "hex": _pairs(entry["frame_hex"]),
            "words": entry["words"],
        }
        for entry in job.answer.get("entries", [])
    ]


def trace_text(device: Device, job: GatewayJob) -> str:
    """One line a frame: time in UTC, direction, unit, hex, words."""
    lines = [f"# {device.code} {device.gateway} {device.transport}"]
    for entry in (job.answer or {}).get("entries", []):
        arrow = ">" if entry["is_request"] else "<"
        hex_pairs = _pairs(entry["frame_hex"])
        lines.append(f"{entry['at']}\t{arrow}\t{entry['unit_id']}\t{hex_pairs}\t{entry['words']}")
    return "\n".join([*lines, ""])


def _pairs(text: str) -> str:
    plain = text.replace(" ", "")
    return " ".join(plain[i : i + 2] for i in range(0, len(plain), 2))


class ProbesMixin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Probe the selected devices, and see what each is."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        urls: list[URLPattern] = super().get_urls()
        return [path("probes/", view(self.probes_view), name="assets_device_probes"), *urls]

    @admin.action(description=gettext_lazy("Probe the selected devices"), permissions=["change"])
    def probe_selected(
        self, request: HttpRequest, queryset: QuerySet[Device]
    ) -> HttpResponse | None:
        """Ask each selected device what it is, and go to the list of the answers."""
        device_ids = list(queryset.order_by("pk").values_list("pk", flat=True))
        try:
            jobs = probes_ask(device_ids=device_ids, requested_by=request.user)  # type: ignore[arg-type]
        except DomainError as error:
            messages.error(request, refusal(error))
            return None
        left_out = len(device_ids) - len(jobs)
        if left_out:
            messages.warning(
                request,
                ngettext(
                    "%(count)s device was left out: no device may have its address.",
                    "%(count)s devices were left out: no device may have their address.",
                    left_out,
                )
                % {"count": left_out},
            )
        if not jobs:
            return None
        address = reverse("admin:assets_device_probes")
        return HttpResponseRedirect(f"{address}?jobs={','.join(str(job.pk) for job in jobs)}")

    def probes_view(self, request: HttpRequest) -> HttpResponse:
        """What each probed device is; fresh by itself until all have answered."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        given = request.GET.get("jobs", "").split(",")
        jobs = jobs_by_id(
            [int(text) for text in given[:MOST_PROBES] if text.isdecimal() and len(text) < 16]
        )
        is_pending = any(job.status in _PENDING for job in jobs)
        return TemplateResponse(
            request,
            "admin/assets/probes.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Probed devices"),
                "opts": self.opts,
                "rows": [_probed(job) for job in jobs],
                "is_pending": is_pending,
                "refresh_s": 2 if is_pending else None,
                "done_count": sum(1 for job in jobs if job.status not in _PENDING),
                "jobs_count": len(jobs),
            },
        )


def _probed(job: GatewayJob) -> dict[str, Any]:
    found = models_found(job)
    device = job.device
    return {
        "device": device,
        "address": f"{job.host}:{job.port} / {job.unit_id}",
        "status": job.status,
        "status_words": job.get_status_display(),
        "error": job_error(job.error) if job.error else "",
        "found": [
            " ".join(filter(None, (entry.get("manufacturer"), entry.get("model_name"))))
            or entry["driver"]
            for entry in found
        ],
        "is_as_listed": device is not None and device.driver in {e["driver"] for e in found},
    }
