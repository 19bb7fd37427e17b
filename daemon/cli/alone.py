"""Reconciling where no daemon runs: this process owns the store meanwhile, and works as one."""

from daemon.app import standalone
from daemon.cli.running import start_logs
from daemon.cli.store import store_of
from daemon.reconcile.applying import Approval
from daemon.reconcile.report import RunReport
from daemon.reconcile.requests import Apply, Plan
from daemon.settings import Settings


async def compare(settings: Settings, users: tuple[str, ...]) -> RunReport:
    """Compare `users`, or all, and plan.

    Raises ConfigurationError (SchemaNotCurrent, InstanceLocked), StoreUnavailable.
    """
    store_of(settings)
    start_logs(settings)
    async with standalone(settings) as alone:
        return await alone.reconcile(Plan(users))


async def apply(settings: Settings, plan: int | None, approval: Approval) -> RunReport:
    """Apply a plan, None: the newest, and look again. Raises GuardRefused, and as `compare`."""
    store_of(settings)
    start_logs(settings)
    async with standalone(settings) as alone:
        number = plan if plan is not None else await alone.newest_plan()
        return await alone.reconcile(Apply(number, approval))
