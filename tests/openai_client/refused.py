"""OpenAI's Python client against a gateway that refuses.

    refused.py <folder of the virtual environment> <base URL> <model> <scenario>

The client is as it comes, with its two retries; what it sends, and for how long it sleeps between, is written down.

    gives-up   nobody is ever served: three requests, then a RateLimitError
    comes-back somebody leaves meanwhile: a retry is served
    hopeless   more than a whole budget: the gateway says that no retry helps, and none comes
"""

import time

import environment


class Seen:
    """What the client did."""

    def __init__(self) -> None:
        self.retry_counts: list[str] = []
        self.told: list[float] = []
        self.slept: list[float] = []

    def request(self, request) -> None:
        self.retry_counts.append(request.headers["x-stainless-retry-count"])

    def response(self, response) -> None:
        if response.status_code == 429:
            assert int(response.headers["retry-after"]) >= 1, response.headers
            self.told.append(int(response.headers["retry-after-ms"]) / 1000)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        SLEEP(seconds)


SLEEP = time.sleep


def run(base_url: str, model: str, scenario: str) -> None:
    import openai
    import openai._base_client as base

    seen = Seen()
    base.time.sleep = seen.sleep
    hooks = {"request": [seen.request], "response": [seen.response]}
    client = openai.OpenAI(
        base_url=base_url, api_key="none", timeout=60, http_client=openai.DefaultHttpxClient(event_hooks=hooks)
    )
    assert client.max_retries == 2, client.max_retries
    messages = [{"role": "user", "content": "Say hello."}]

    def ask(max_tokens: int):
        return client.chat.completions.create(model=model, messages=messages, max_tokens=max_tokens)

    def refused(max_tokens: int, code: str, kind: str) -> None:
        try:
            ask(max_tokens)
        except openai.RateLimitError as error:
            assert (error.status_code, error.code, error.type) == (429, code, kind), error
        else:
            raise AssertionError("it is refused")

    if scenario == "gives-up":
        refused(2, "queue_full", "server_busy")
        assert seen.retry_counts == ["0", "1", "2"], seen.retry_counts
        assert len(seen.told) == 3 and seen.slept == seen.told[:2], (seen.told, seen.slept)
    elif scenario == "comes-back":
        assert ask(2).usage.completion_tokens == 2
        assert seen.retry_counts in (["0", "1"], ["0", "1", "2"]), seen.retry_counts
        assert seen.slept == seen.told, (seen.told, seen.slept)
    elif scenario == "hopeless":
        # Half of the budget: it is not full again for half a minute.
        ask(500)
        seen.retry_counts.clear()
        refused(2000, "over_token_budget", "rate_limit_error")
        assert (seen.retry_counts, seen.slept) == (["0"], []), (seen.retry_counts, seen.slept)
    else:
        raise SystemExit(f"there is no scenario {scenario}")
    print(f"{scenario}: as expected")


if __name__ == "__main__":
    run(*environment.enter())
