# SPDX-License-Identifier: Apache-2.0
"""What calls cost, in headers and lines: each surface, tiers, long prompts, price maps, prices of the file, discounts, free and unknown models."""
import json
from decimal import Decimal

import pytest

import kit

ASK = {"messages": [{"role": "user", "content": "x"}]}
HEADER = "x-litellm-response-cost"
USED = "script:fixed,in=1000,out=200,usage=cached"       # half of what is read comes from the cache


@pytest.fixture(scope="module")
def priced(upstream):
    """The gateway, with models whose base is a published one."""
    where = kit.folder()
    openai, anthropic = upstream.base + "/v1", upstream.base
    prices = where / "prices.json"
    prices.write_text(json.dumps({
        "sample_spec": {"input_cost_per_token": 0.0, "max_tokens": "set to max output tokens"},
        "openai/script:fixed,in=7,out=3": {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, "litellm_provider": "openai", "mode": "chat"},
        "script:fixed,in=9,out=1": {"input_cost_per_token": 1e-05, "output_cost_per_token": 2e-05},
    }))

    def model(name, params, base=None, vendor="openai", **more):
        return kit.deployment(name, f"{vendor}/{params}", openai if vendor == "openai" else anthropic,
                              model_info={"base_model": base} if base else {}, **more)
    config = {
        "model_list": [
            model("gpt", USED, "gpt-5.4"),
            model("long", "script:fixed,in=300000,out=10", "gpt-5.4"),
            model("cut", "script:cut,after=3,in=1000,usage=none", "gpt-5.4"),
            model("slow", "script:fixed,gap=300,out=100,usage=none", "gpt-5.4"),
            model("refuse", "script:refuse,status=400", "gpt-5.4"),
            model("gpt56", "script:fixed,in=1000,out=50", "gpt-5.6"),
            model("embedding", "script:fixed,in=8", "text-embedding-3-small"),
            model("instruct", "script:fixed,in=10,out=7", "gpt-3.5-turbo-instruct"),
            model("claude", "script:fixed,in=1000,out=50,usage=cached", "claude-opus-5", vendor="anthropic"),
            model("own", USED, input_cost_per_token=1e-06, output_cost_per_token="0.000002", cache_read_input_token_cost=0),
            model("hour", "script:fixed", input_cost_per_second="3600"),
            model("free", USED, input_cost_per_token=0, output_cost_per_token=0),
            model("unknown", USED),
            model("deep", USED, "gpt-5.4", vendor="openai") | {"litellm_params": {"model": f"deepseek/{USED}", "api_base": openai, "api_key": "k"}},
            kit.deployment("mock", "openai/gpt-4o", openai, mock_response="Hello"),
            kit.deployment("openai/*", "openai/*", openai, use_in_pass_through=True),
        ],
        "litellm_settings": {"num_retries": 0, "cost_discount_config": {"deepseek": 0.1},
                             "cost_margin_config": {"deepseek": {"percentage": 0.5, "fixed_amount": 0.001}}},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY", "pass_through_endpoints": [
            {"path": "/bria", "target": upstream.base + "/files/bria", "cost_per_request": 0.25}]},
        "sluice": {"price_map": str(prices)},
    }
    running = kit.Gateway(config, where=where)
    yield running
    running.stop()


def cost(gateway, path, body):
    """Of a whole answer: the header's and the line's are one."""
    answer = gateway.post(path, body)
    assert answer.status_code == 200, answer.text
    line = gateway.line(answer.headers["x-litellm-call-id"])
    assert not line["estimated"]
    assert Decimal(answer.headers[HEADER]) == Decimal(repr(line["cost"]))
    return answer.headers[HEADER], answer.headers, line


@pytest.mark.parametrize("path, body, dollars", [
    ("/v1/chat/completions", ASK | {"model": "gpt"}, "0.004375"),
    ("/v1/messages", ASK | {"model": "gpt", "max_tokens": 9}, "0.004375"),                      # translated
    ("/v1/chat/completions", ASK | {"model": "long"}, "1.500225"),                              # above 272,000
    ("/v1/messages", ASK | {"model": "claude", "max_tokens": 9}, "0.00650625"),                 # input_tokens, 500 read, one written
    ("/v1/chat/completions", ASK | {"model": "claude"}, "0.00650625"),
    ("/v1/responses", {"model": "gpt56", "input": "x"}, "0.005"),
    ("/v1/responses", {"model": "gpt56", "input": "x", "service_tier": "priority"}, "0.01"),
    ("/v1/embeddings", {"model": "embedding", "input": "x"}, "0.00000016"),
    ("/v1/completions", {"model": "instruct", "prompt": "x"}, "0.000029"),
    ("/v1/chat/completions", ASK | {"model": "own"}, "0.0009"),
    ("/v1/chat/completions", ASK | {"model": "free"}, "0"),
    ("/v1/chat/completions", ASK | {"model": "openai/script:fixed,in=7,out=3"}, "0.000013"),    # the price map's, by what the star stands for
    ("/v1/chat/completions", ASK | {"model": "openai/script:fixed,in=9,out=1"}, "0.00011"),
])
def test_whole_answers(priced, path, body, dollars):
    assert cost(priced, path, body)[0] == dollars


def test_parts_sum_to_the_whole(priced):
    _, headers, _ = cost(priced, "/v1/chat/completions", ASK | {"model": "gpt"})
    parts = {name.removeprefix(HEADER + "-"): value for name, value in headers.lower_items() if name.startswith(HEADER + "-")}
    assert parts == {"input": "0.00125", "cache-read": "0.000125", "output": "0.003"}
    assert sum(map(Decimal, parts.values())) == Decimal(headers[HEADER])


def test_discount_and_margin(priced):
    _, headers, _ = cost(priced, "/v1/chat/completions", ASK | {"model": "deep"})
    wanted = {"": "0.00690625", "-original": "0.004375", "-discount-amount": "0.0004375", "-margin-amount": "0.00296875", "-margin-percent": "50"}
    assert {name: headers[HEADER + name] for name in wanted} == wanted


def test_a_price_that_is_unknown(priced):
    answer = priced.post("/v1/chat/completions", ASK | {"model": "unknown"})
    assert answer.status_code == 200 and HEADER not in answer.headers
    assert "cost" not in priced.line(answer.headers["x-litellm-call-id"])


def test_a_mock_costs_what_it_stands_for(priced):
    dollars, _, line = cost(priced, "/v1/chat/completions", ASK | {"model": "mock"})
    assert Decimal(dollars) == line["tokens"]["in"] * Decimal("0.0000025") + line["tokens"]["out"] * Decimal("0.00001")


def test_by_the_second(priced):
    dollars, _, line = cost(priced, "/v1/chat/completions", ASK | {"model": "hour"})
    ms = line["attempts"][-1]["ms"]
    assert Decimal(dollars) % Decimal("3.6") == 0 and 0 <= Decimal(dollars) / Decimal("3.6") <= ms + 1


def stream(priced, path, body):
    answer = priced.post(path, body | {"stream": True})
    assert HEADER not in answer.headers
    return answer, priced.line(answer.headers["x-litellm-call-id"])


def test_streams(priced):
    """Their headers are out before anybody knows; the line has it.  The tier that was asked for counts where no answer names one."""
    answer, line = stream(priced, "/v1/chat/completions", ASK | {"model": "gpt"})
    assert answer.status_code == 200 and (line["cost"], line["estimated"]) == (0.004375, False)
    assert stream(priced, "/v1/chat/completions", ASK | {"model": "gpt", "service_tier": "flex"})[1]["cost"] == 0.00219
    assert stream(priced, "/v1/messages", ASK | {"model": "claude", "max_tokens": 9})[1]["cost"] == 0.00650625
    assert stream(priced, "/v1/responses", {"model": "gpt56", "input": "x", "service_tier": "priority"})[1]["cost"] == 0.01


def test_a_stream_that_breaks_off_is_estimated(priced):
    _, line = stream(priced, "/v1/chat/completions", ASK | {"model": "cut"})
    assert line["estimated"] and line["end"] == "cut" and line["tokens"]["out"] > 0
    assert Decimal(repr(line["cost"])) == line["tokens"]["in"] * Decimal("0.0000025") + line["tokens"]["out"] * Decimal("0.000015")


def test_who_leaves_pays_for_what_was_made(priced):
    held = kit.Held(priced, "chat", "slow")
    held.until(b"data:", 3)
    held.leave()
    line = kit.until(lambda: next((x for x in priced.lines() if x.get("model") == "slow" and x["end"] == "left"), None), what="the leaver's line")
    assert line["estimated"] and 0 < line["tokens"]["out"] < 100 and line["cost"] > 0


def test_nobody_pays_for_a_refusal(priced):
    answer = priced.post("/v1/chat/completions", ASK | {"model": "refuse"})
    assert answer.status_code == 400 and HEADER not in answer.headers
    assert "cost" not in priced.line(answer.headers["x-litellm-call-id"])


def test_what_passes_through(priced):
    answer = priced.post("/bria", {"x": 1})
    assert answer.status_code == 200 and priced.line(answer.headers["x-litellm-call-id"])["cost"] == 0.25
    answer = priced.post("/openai/v1/chat/completions", ASK | {"model": "openai/script:fixed,in=7,out=3"})
    assert answer.status_code == 200 and priced.line(answer.headers["x-litellm-call-id"])["cost"] == 0.000013


def test_what_passes_through_is_held_by_a_budget(priced):
    """Of a price for each call, and of a vendor's model, as much as of any other call."""
    key = {"Authorization": "Bearer " + priced.post("/key/generate", {"max_budget": 0.6}).json()["key"]}
    assert [priced.post("/bria", {"x": 1}, headers=key).status_code for _ in range(4)] == [200, 200, 429, 429]
    refused = priced.post("/bria", {"x": 1}, headers=key)
    assert "Current cost: 0.5, Max budget: 0.6" in refused.text
    key = {"Authorization": "Bearer " + priced.post("/key/generate", {"max_budget": 0.00002}).json()["key"]}
    body = ASK | {"model": "openai/script:fixed,in=7,out=3", "max_tokens": 3}
    assert priced.post("/openai/v1/chat/completions", body, headers=key).status_code == 429
    key = {"Authorization": "Bearer " + priced.post("/key/generate", {"max_budget": 0.001}).json()["key"]}
    assert priced.post("/openai/v1/chat/completions", body, headers=key).status_code == 200
    assert priced.post("/openai/v1/chat/completions", body | {"model": "script:fixed"}, headers=key).status_code == 403      # no price, so nothing can hold it


def test_spend_calculate(priced):
    answer = {"id": "i", "model": "gpt-5.4", "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
              "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "prompt_tokens_details": {"cached_tokens": 500}}}
    assert priced.post("/spend/calculate", {"completion_response": answer}).json() == {"cost": 0.004375}
    assert priced.post("/spend/calculate", {"model": "free", "completion_response": answer}).json() == {"cost": 0}
    dollars = priced.post("/spend/calculate", {"model": "gpt"} | ASK).json()["cost"]
    assert 0 < dollars < 0.001
    for body in ({"model": "unknown"} | ASK, {"model": "gpt"}, {"completion_response": {"model": "gpt-5.4"}}, {}, [], "x"):
        refused = priced.post("/spend/calculate", json.dumps(body))
        assert refused.status_code == 400 and refused.json()["error"]["message"], body


def test_cost_estimate(priced):
    body = {"model": "gpt", "input_tokens": 1000, "output_tokens": 200, "num_requests_per_day": 100, "num_requests_per_month": None}
    told = priced.post("/cost/estimate", body).json()
    assert told["cost_per_request"] == 0.0055 and told["daily_cost"] == 0.55 and told["monthly_cost"] is None and told["provider"] == "openai"
    assert told["input_cost_per_token"] == 0.0000025 and told["output_cost_per_request"] == 0.003
    for wrong in ({"model": "unknown"}, {"model": None}, {"input_tokens": -1}, {"output_tokens": "many"}, {"output_tokens": 1.5}, {"num_requests_per_day": 1e30}):
        assert priced.post("/cost/estimate", body | wrong).status_code == 400, wrong
