"""Serves one load-reporting stream (LRS): asks for accounts of traffic and hands them to the node's driver."""

import asyncio

import grpc
import grpc.aio

from switchover.switch.envoy.door import SENT_AWAY, Doorkeeper
from switchover.switch.envoy.driver import EnvoyDriver
from switchover.switch.envoy.messages import LoadReport, LoadReportOrder

REPORT_INTERVAL_SECONDS = 0.5
"""How often the embedded node accounts for its traffic.

Errors on an instance ask for a probe at once, so this bounds how late they are noticed.
"""
REMOTE_REPORT_INTERVAL_SECONDS = 2.0
"""How often a remote node does. Every account repeats the whole node description (61 KB)."""

# `read` gives a LoadReport or, at the end, `grpc.aio.EOF`, of which the type stubs know nothing.
Context = grpc.aio.ServicerContext[object, LoadReportOrder]


async def serve_load_reports(context: Context, doorkeeper: Doorkeeper, interval_seconds: float) -> None:
    """Take accounts until the node ends the stream. Only the first message is sure to name the node."""
    report = await context.read()
    if not isinstance(report, LoadReport):
        return
    driver = await doorkeeper.admit(context, report.node_id)
    await context.write(LoadReportOrder(interval_seconds=interval_seconds))
    async with asyncio.TaskGroup() as group:
        sent_away = group.create_task(driver.sent_away.wait())
        taking = group.create_task(_take(context, driver, report))
        await asyncio.wait({sent_away, taking}, return_when=asyncio.FIRST_COMPLETED)
        leaves = sent_away.done()
        sent_away.cancel()
        taking.cancel()
    if leaves:
        await context.abort(grpc.StatusCode.UNAVAILABLE, SENT_AWAY)


async def _take(context: Context, driver: EnvoyDriver, report: object) -> None:
    while isinstance(report, LoadReport):
        driver.account(report)
        report = await context.read()
