"""OpenAI's Python client against a gateway: one plain answer, one streamed, one error.

    check.py <folder of the virtual environment> <base URL> <model>

The virtual environment is made if there is none: environment.py.
"""

import environment


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
    check(*environment.enter())
