"""Each lane as it stands, whichever process delivers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.outbox.lanes import Lane

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway


async def standing(gateway: Gateway) -> list[dict[str, Any]]:
    """The lanes that have events waiting or were delivered lately, with what stands in their way."""
    now = gateway.clock.now()
    waiting = (await gateway.outbox.counts()).by_lane or {}
    courses = {course.lane: course for course in await gateway.outbox.courses()}
    reports = {report.lane: report for report in gateway.lanes()}
    described = []
    for lane in sorted({*waiting, *courses, *reports}):
        report, course = reports.get(lane), courses.get(lane)
        elsewhere = course is not None and report is None and (course.paused or course.open_until > now)
        cause = gateway.obstacle(lane) or (course.cause if course is not None and elsewhere else None)
        dataset, test_code, channel = Lane.parse(lane)
        described.append(
            {
                "lane": lane,
                "dataset": dataset,
                "channel": channel,
                "test": test_code is not None,
                "waiting": waiting.get(lane, 0),
                "paused": bool(report.paused if report else course and course.paused),
                "cause": cause,
                "requests": dict(report.requests) if report else {},
            }
        )
    return described
