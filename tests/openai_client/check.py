"""OpenAI's Python client against a gateway: one plain answer, one streamed, one error.

    check.py <folder of the virtual environment> <base URL> <model>

It makes the virtual environment if there is none, installs requirements.txt there, and runs itself again in it.
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


def check(base_url: str, model: str) -> None:
    import openai

    client = openai.OpenAI(base_url=base_url, api_key="none", max_retries=0, timeout=60)
    messages = [{"role": "user", "content": "Say hello."}]

    plain = client.chat.completions.create(model=model, messages=messages, max_tokens=5)
    assert plain.choices[0].message.content, plain
    assert plain.choices[0].finish_reason in ("stop", "length"), plain
    assert plain.usage.completion_tokens == 5, plain

    options = {"include_usage": True}
    text, usage = "", None
    for chunk in client.chat.completions.create(
        model=model, messages=messages, max_tokens=5, stream=True, stream_options=options
    ):
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        usage = chunk.usage or usage
    assert text, "a streamed answer has text"
    assert usage.completion_tokens == 5, usage

    assert [served.id for served in client.models.list()] == [model]

    try:
        client.chat.completions.create(model="nobody-has-this", messages=messages)
    except openai.NotFoundError as error:
        assert error.code == "model_not_found", error
        assert error.param == "model", error
    else:
        raise AssertionError("an unknown model is an error")
    print("plain, streamed and error: as expected")


if __name__ == "__main__":
    folder, *arguments = sys.argv[1:]
    python = ensure(pathlib.Path(folder))
    if pathlib.Path(sys.prefix).resolve() != pathlib.Path(folder).resolve():
        os.execv(python, [python, __file__, folder, *arguments])
    check(*arguments)
