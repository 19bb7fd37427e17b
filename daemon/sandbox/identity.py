"""Who a row means, in each of the three project types (iterable.md §5).

A failure is named by the word the bulk answers file it under; single calls turn it into a refusal.
"""

import re
from hashlib import sha256

from daemon.sandbox.answers import Refusal, invalid_email, refuse
from daemon.sandbox.people import User
from daemon.sandbox.project import Project

EMAIL = re.compile(
    r"[^\s@,;<>()\"\x00-\x1f]+@[^\s@,;<>()\"\x00-\x1f.]+(?:\.[^\s@.,;<>()\"\x00-\x1f]+)+"
)
USER_ID = re.compile(r"[\x20-\x7e]{0,51}[\x21-\x7e]")
PLACEHOLDER = "@placeholder.email"
Found = tuple[User | None, str | None, str | None]


class Failure(Exception):
    """A row that means nobody it may mean; `kind` is a singular of failedUpdates' arrays."""

    def __init__(self, kind: str, value: str) -> None:
        self.kind, self.value = kind, value
        super().__init__(f"{kind}: {value}")


def email_ok(email: str) -> bool:
    """Whether Iterable would take this for an e-mail address."""
    return EMAIL.fullmatch(email) is not None


def hashed(identifier: str) -> str:
    """The form in which forgotten identifiers are listed (iterable.md §7)."""
    return sha256(identifier.strip().lower().encode()).hexdigest()


def find(
    project: Project, email: str | None, user_id: str | None, *, prefer_user_id: bool = False
) -> Found:
    """The user a row means, with the email and userId it shall have; raises Failure.

    None as user means: nobody yet, and one may be created with what is returned. An identifier
    some user has was found well-formed when it was given.
    """
    by_email = by_id = None
    kind = project.settings.project_type
    if email is not None:
        email = email.lower()
        by_email = project.people.by_email.get(email)
        if by_email is None:
            check_email(project, email, blocks=kind != "userId" or user_id is None)
    if user_id is not None:
        by_id = project.people.by_user_id.get(user_id)
        if by_id is None:
            check_user_id(project, user_id, blocks=kind != "email" or email is None)
    if kind == "hybrid":
        return _hybrid(by_email, by_id, email, user_id)
    if kind == "email":
        return _by_email(by_email, by_id, email, user_id, prefer_user_id=prefer_user_id)
    return _by_user_id(by_email, by_id, email, user_id)


def check_email(project: Project, email: str, *, blocks: bool = True) -> None:
    """Raise Failure for a malformed address, and where that `blocks` for a forgotten one."""
    if EMAIL.fullmatch(email) is None:
        raise Failure("invalidEmail", email)
    if blocks and email in project.forgotten_emails:
        raise Failure("forgottenEmail", email)


def check_user_id(project: Project, user_id: str, *, blocks: bool = True) -> None:
    """Raise Failure for a malformed userId, and where that `blocks` for a forgotten one."""
    if USER_ID.fullmatch(user_id) is None:
        raise Failure("invalidUserId", user_id)
    if blocks and user_id in project.forgotten_user_ids:
        raise Failure("forgottenUserId", user_id)


def _by_email(
    by_email: User | None,
    by_id: User | None,
    email: str | None,
    user_id: str | None,
    *,
    prefer_user_id: bool,
) -> Found:
    if email is not None:
        return by_email, email, user_id
    if user_id is None:
        raise Failure("invalidEmail", "")
    if by_id is not None:
        return by_id, by_id.true.email, user_id
    if not prefer_user_id:
        raise Failure("notFoundUserId", user_id)
    return None, f"{sha256(user_id.encode()).hexdigest()[:32]}{PLACEHOLDER}", user_id


def _by_user_id(
    by_email: User | None, by_id: User | None, email: str | None, user_id: str | None
) -> Found:
    if user_id is not None:
        return by_id, email if email is not None or by_id is None else by_id.true.email, user_id
    if email is None:
        raise Failure("invalidUserId", "")
    if by_email is None:
        raise Failure("notFoundEmail", email)
    return by_email, email, by_email.true.user_id


def _hybrid(
    by_email: User | None, by_id: User | None, email: str | None, user_id: str | None
) -> Found:
    if user_id is None:
        if email is None:
            raise Failure("invalidEmail", "")
        return by_email, email, None if by_email is None else by_email.true.user_id
    if email is None:
        return by_id, None if by_id is None else by_id.true.email, user_id
    if by_email is None or by_email is by_id:
        return by_id, email, user_id
    if by_id is not None or by_email.true.user_id is not None:
        raise Failure("conflictEmail", email)
    return by_email, email, user_id


def refusal(project: Project, failure: Failure) -> Refusal:
    """A failure as a single call words it (iterable.md §2.3, §2.4; wording partly UNCONFIRMED)."""
    kind, value = failure.kind, failure.value
    if kind == "invalidEmail":
        return invalid_email(value)
    if kind == "invalidUserId":
        return refuse(f"Invalid userId: {value}", "InvalidUserIdError")
    if kind.startswith("notFound"):
        by_id = kind.endswith("UserId")
        code = "UnknownUserIdError" if by_id else "UnknownEmailError"
        return refuse(f"No user exists with {'userId' if by_id else 'email'} {value}", code)
    if kind.startswith("forgotten"):
        msg = f"User {value} is on the forgotten list"
        return refuse(msg, "ForgottenUserError", status=project.settings.forgotten_status)
    if kind.startswith("invalidData"):
        return refuse(f"Invalid data for user {value}")
    msg = f"The identifier {value} belongs to another user"
    return refuse(msg, "ExternalKeyConflict", status=409)
