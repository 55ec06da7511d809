"""Who did something: a person, or automation."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """What kind of actor wrote an audit entry."""

    PERSON = "person"
    AUTOMATION = "automation"
    LIBRARY = "library"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, and whether they may touch what others own.

    Attributes:
        kind: A person with a token, automation, or a program that uses the library.
        name: The user id (`sub` of the token), or the name of the automation.
        sees_all: True when ownership does not limit this actor (admins, automation, library).
    """

    kind: ActorKind
    name: str
    sees_all: bool

    def owns(self, owner_id: str) -> bool:
        """Whether this actor may touch a proxy of `owner_id`."""
        return self.sees_all or self.name == owner_id


AUTOMATION = Actor(kind=ActorKind.AUTOMATION, name="switchover", sees_all=True)
LIBRARY = Actor(kind=ActorKind.LIBRARY, name="library", sees_all=True)


def person(user_id: str, *, admin: bool = False) -> Actor:
    """The actor behind a token of `user_id`."""
    return Actor(kind=ActorKind.PERSON, name=user_id, sees_all=admin)
