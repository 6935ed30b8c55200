"""The virtual environment with OpenAI's Python client.

Whoever imports this goes on in that environment: `enter` makes it if there is none, installs requirements.txt there, and runs
the program again in it.
"""

import fcntl
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"


def ensure(folder: pathlib.Path) -> pathlib.Path:
    """The environment's interpreter; one process at a time makes it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    python, mark = folder / "bin" / "python", folder / "requirements.txt"
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.exists() and mark.read_text() == REQUIREMENTS.read_text():
            return python
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
        if subprocess.run([*pip, "--no-deps", "-r", REQUIREMENTS]).returncode != 0:
            sys.exit("pip cannot install tests/openai_client/requirements.txt: this test needs a package index")
        mark.write_text(REQUIREMENTS.read_text())
    return python


def enter() -> list[str]:
    """The program's arguments but for the first, which names the environment's folder."""
    folder, *arguments = sys.argv[1:]
    python = ensure(pathlib.Path(folder))
    if pathlib.Path(sys.prefix).resolve() != pathlib.Path(folder).resolve():
        os.execv(python, [python, *sys.argv])
    return arguments
