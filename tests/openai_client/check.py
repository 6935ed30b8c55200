"""OpenAI's Python client against a gateway: plain and streamed answers, log probabilities, vectors, an error.

    check.py <folder of the virtual environment> <base URL> <model> <embedding model>

The virtual environment is made if there is none: environment.py.
"""

import environment


def logprobs(client, model: str, messages: list) -> None:
    """Chat, plain and streamed, and a completion: as the client's own types have them."""
    asked = dict(model=model, messages=messages, max_tokens=5, seed=7, logprobs=True, top_logprobs=2)
    plain = client.chat.completions.create(**asked).choices[0]
    streamed = [
        place
        for chunk in client.chat.completions.create(**asked, stream=True)
        for choice in chunk.choices
        if choice.logprobs
        for place in choice.logprobs.content
    ]
    for content in (plain.logprobs.content, streamed):
        assert len(content) == 5, content
        assert "".join(place.token for place in content) == plain.message.content, content
        for place in content:
            assert bytes(place.bytes).decode() == place.token and place.logprob <= 0, place
            assert place.top_logprobs[0].logprob >= place.logprob, place

    text = client.completions.create(model=model, prompt="Once", max_tokens=3, logprobs=1).choices[0]
    assert "".join(text.logprobs.tokens) == text.text, text
    assert text.logprobs.text_offset == [len("".join(text.logprobs.tokens[:at])) for at in range(3)], text
    assert len(text.logprobs.token_logprobs) == len(text.logprobs.top_logprobs) == 3, text


def check(base_url: str, model: str, embedding_model: str) -> None:
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

    logprobs(client, model, messages)

    assert [served.id for served in client.models.list()] == [model, embedding_model]

    # The client asks for base64 by itself and decodes it; asked for numbers it takes them as they come.
    texts = ["a cat sits on the mat", "interest rates rose"]
    vectors = client.embeddings.create(model=embedding_model, input=texts)
    assert [item.index for item in vectors.data] == [0, 1], vectors
    assert vectors.usage.prompt_tokens == vectors.usage.total_tokens > 0, vectors.usage
    numbers = client.embeddings.create(model=embedding_model, input=texts, encoding_format="float")
    for decoded, written in zip(vectors.data, numbers.data, strict=True):
        assert len(decoded.embedding) == len(written.embedding) == 384, decoded
        assert all(abs(a - b) < 1e-7 for a, b in zip(decoded.embedding, written.embedding)), "the same vector"
        assert abs(sum(number * number for number in decoded.embedding) - 1) < 1e-5, "of length 1"
    assert client.embeddings.create(model=embedding_model, input=[1, 2, 3]).usage.prompt_tokens == 3

    try:
        client.embeddings.create(model=embedding_model, input=["x", ""])
    except openai.BadRequestError as error:
        assert error.param == "input[1]", error
    else:
        raise AssertionError("an empty text is an error")

    try:
        client.chat.completions.create(model="nobody-has-this", messages=messages)
    except openai.NotFoundError as error:
        assert error.code == "model_not_found", error
        assert error.param == "model", error
    else:
        raise AssertionError("an unknown model is an error")
    print("plain, streamed, vectors and error: as expected")


if __name__ == "__main__":
    check(*environment.enter())
