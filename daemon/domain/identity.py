"""Which Iterable user a person is, by project type (iterable.md §5)."""

from enum import StrEnum

import msgspec


class ProjectType(StrEnum):
    """Fixed by Iterable when a project is created."""

    EMAIL = "email"
    USER_ID = "userId"
    HYBRID = "hybrid"


class IterableIdentity(msgspec.Struct, frozen=True, array_like=True):
    """The identifiers of one Iterable user; one that can be addressed has at least one."""

    email: str | None = None
    user_id: str | None = None

    def key(self, project: ProjectType) -> dict[str, str] | None:
        """How rows address this user: by e-mail in e-mail-based projects, else by userId if any.

        None where the project's key is not known: nothing can be sent for such a user.
        """
        if project is ProjectType.EMAIL:
            return {"email": self.email} if self.email else None
        if self.user_id:
            return {"userId": self.user_id}
        if self.email and project is ProjectType.HYBRID:
            return {"email": self.email}
        return None

    def only_key(self, project: ProjectType) -> "IterableIdentity":
        """Without what rows don't address this user by."""
        key = self.key(project) or {}
        return IterableIdentity(email=key.get("email"), user_id=key.get("userId"))

    def reaches(self, other: "IterableIdentity", project: ProjectType) -> bool:
        """Whether rows that address this user reach `other`."""
        match self.key(project):
            case {"email": email}:
                return email == other.email
            case {"userId": user_id}:
                return user_id == other.user_id
            case _:
                return False
