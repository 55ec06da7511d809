"""A file that holds nothing but a policy, in the API's names: for trying one out on what was recorded.

    unhealthyThreshold: 5
    healthCheck: {type: http}

The same below a key `config` is taken too, as a declaration has it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from switchover.app.located import Located, read_yaml
from switchover.control.documents import parse_policy
from switchover.model.errors import FieldProblem, InvalidInput, OperatorError
from switchover.model.policy import FailoverPolicy

MOST_FILE_BYTES = 1024 * 1024


class InvalidPolicyFile(OperatorError):  # noqa: N818 - it names a condition, as `InvalidInput` does
    """The file is no policy, or cannot be merged; one line per problem, `file:line:column: field: …`."""


class PolicyFile:
    """What the file at `path` gives; settings that it does not name stay as they are in what it is merged into.

    Raises:
        InvalidPolicyFile: It cannot be read, or is no mapping.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InvalidPolicyFile(f"{path}: cannot be read: {error.strerror or error}") from error
        if len(content) > MOST_FILE_BYTES:
            raise InvalidPolicyFile(
                f"{path}: is larger than {MOST_FILE_BYTES} bytes, which is the most allowed"
            )
        document, problems = read_yaml(content)
        if problems:
            raise InvalidPolicyFile("\n".join(f"{path}:{placed}" for placed in problems))
        self._config = self._config_in(document)

    def merged_into(self, stored: FailoverPolicy) -> FailoverPolicy:
        """The policy that the file makes of `stored`.

        Raises:
            InvalidPolicyFile: A value is not valid, or contradicts another one.
        """
        config: Mapping[str, Any] = self._config.value
        try:
            return parse_policy(config, stored)
        except InvalidInput as error:
            raise InvalidPolicyFile("\n".join(self._told(problem) for problem in error.problems)) from error

    def _told(self, problem: FieldProblem) -> str:
        steps = problem.field.replace("[", ".").replace("]", "").split(".")
        inner = steps[1:] if steps[0] == "config" else steps
        shown = FieldProblem(".".join(inner) or problem.field, problem.value, problem.allowed)
        return f"{self.name}:{self._config.nearest(inner)}: {shown}"

    def _config_in(self, document: Located) -> Located:
        within = document.child("config") if isinstance(document.value, dict) else None
        found = document if within is None else within
        if not isinstance(found.value, dict):
            shown = FieldProblem(
                "(the file)", found.value, "allowed is a mapping of settings, as in `config`"
            )
            raise InvalidPolicyFile(f"{self.name}:{found.place}: {shown}")
        return found
