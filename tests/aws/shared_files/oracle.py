"""What the AWS CLI makes of shared files: botocore's own answers.

Reads one JSON document from stdin, writes one to stdout. Each file is base64.
"""

import base64
import json
import os
import posixpath
import re
import shlex
import sys
import tempfile

import botocore.session
from botocore.compat import compat_shell_split
from botocore.exceptions import ConfigParseError


def read(session, case, folder):
    for name in ("config", "credentials"):
        path = os.path.join(folder, name)
        if case.get(name) is None:
            if os.path.exists(path):
                os.remove(path)
        else:
            with open(path, "wb") as file:
                file.write(base64.b64decode(case[name]))
    try:
        session._config = None  # It is kept, and a new session takes long.
        full = session.full_config
    except ConfigParseError as error:
        line = re.search(r"line:?\s+(\d+)", str(error))
        return {"refused": int(line[1]) if line else 0}
    return {
        "profiles": full["profiles"],
        "ssoSessions": full.get("sso_sessions", {}),
        "services": full.get("services", {}),
    }


def split(text, platform):
    try:
        return compat_shell_split(text, platform)
    except ValueError:
        return None


def main():
    asked = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AWS_CONFIG_FILE"] = os.path.join(folder, "config")
        os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.path.join(
            folder, "credentials"
        )
        session = botocore.session.Session()
        files = [
            read(session, case, folder) for case in asked.get("files", [])
        ]
    answer = {
        "files": files,
        "commands": [
            {"posix": split(text, "linux"), "windows": split(text, "win32")}
            for text in asked.get("commands", [])
        ],
    }
    os.environ.update(asked.get("env", {}))
    answer["paths"] = [
        posixpath.expanduser(posixpath.expandvars(path))
        for path in asked.get("paths", [])
    ]
    json.dump(answer, sys.stdout)


main()
