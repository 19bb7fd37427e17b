"""Journeys: entering them, one user or a whole list (iterable.md §11).

What a journey then does is not simulated: an enrolment is a row of the ledger.
"""

from daemon.sandbox.answers import Answer, Call, encode, envelope, refuse
from daemon.sandbox.decoding import decode
from daemon.sandbox.identity import find
from daemon.sandbox.ledger import APPLIED, CODE, SKIPPED
from daemon.sandbox.project import MailingList, Project
from daemon.sandbox.requests import TriggerWorkflow
from daemon.sandbox.sends import settled_by
from daemon.sandbox.writes import members_seen


def trigger_workflow(project: Project, call: Call) -> Answer:
    """POST workflows/triggerWorkflow."""
    row = decode(call.body, TriggerWorkflow, call.path)
    if row.listId is not None:
        if row.listId not in project.lists:
            raise refuse(f"error.lists.invalidListId({row.listId})", "Success")
    elif row.email is None and row.userId is None:
        raise refuse("Must provide either an email or list id", "GenericError")
    if row.workflowId not in project.journeys:
        raise refuse(f"Workflow {row.workflowId} does not exist")
    if row.listId is not None:
        _enrol_list(project, call, project.lists[row.listId], row.workflowId)
    else:
        _enrol(project, call, row)
    return envelope()


def _enrol(project: Project, call: Call, row: TriggerWorkflow) -> None:
    """One user; for one nobody knows a setting chooses (UNCONFIRMED)."""
    user, email, _ = find(project, row.email, row.userId)
    code = APPLIED
    if user is None:
        if project.settings.journey_of_unknown == "refuse":
            raise refuse(f"User does not exist. Email: {email or ''} UserId: {row.userId or ''}")
        code = CODE["notFoundUserId" if email is None else "notFoundEmail"]
    more = encode({"settled": settled_by(user, call.now)})
    project.ledger.one(call.now, call.path, "journey", call.body, code=code, more=more)


def _enrol_list(project: Project, call: Call, known: MailingList, journey: int) -> None:
    """A row for each member a read shows; one that says so when there is nobody."""
    trigger = {"workflowId": journey, "listId": known.id}
    members = members_seen(known, call.now)
    if not members:
        project.ledger.one(call.now, call.path, "journey", encode(trigger), code=SKIPPED)
    for version in members:
        body = encode({"email": version.email, "userId": version.user_id, **trigger})
        project.ledger.one(call.now, call.path, "journey", body)
