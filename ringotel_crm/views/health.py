"""Probes for load balancers and monitoring. They contain no data of the site."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .. import databases
from ..services.status import check_readiness


@login_not_required
@require_safe
@never_cache
@databases.non_atomic_requests
def health(request: HttpRequest) -> JsonResponse:
    """Respond 200: the process answers. Uses neither database nor storage."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
@never_cache
@databases.non_atomic_requests
def ready(request: HttpRequest) -> JsonResponse:
    """Respond 200 if all parts of the site work, else 503; with the result of each check."""
    checks = check_readiness()
    is_ready = all(checks.values())
    content = {"status": "ok" if is_ready else "unavailable", "checks": checks}
    return JsonResponse(content, status=200 if is_ready else 503)
