"""Who sits at this machine."""

import os
import pwd


def operator_name() -> str:
    """The user that this process runs as, for the audit log and as owner of what a file declares."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"
