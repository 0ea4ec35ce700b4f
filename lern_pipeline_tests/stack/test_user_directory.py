"""The user read and the framework read: what is an answer, what is tried again, what is an outage (contract 3, 6)."""

from __future__ import annotations

from typing import Any

import pytest

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.microbatch.user_directory import AccountBlocked, NoAnswer, ProfileRead
from lern_pipeline.resources.user_directory import HttpUserDirectory
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.third_party.answers import Answer
from lern_pipeline_tests.third_party.server import ThirdParty

pytestmark = pytest.mark.stack

PROFILE = {"userId": "u-1", "lastName": None, "framework": {"id": None, "board": ["B", None]}}
OK = {"responseCode": "ok", "params": {"err": None}, "result": {"response": PROFILE}}
BLOCKED = {"responseCode": "CLIENT_ERROR", "params": {"err": "uos_usrred0006"}, "result": {}}
NOT_FOUND = {"responseCode": "RESOURCE_NOT_FOUND", "params": {"err": "UOS_USRRED0001"}, "result": {}}
FRAMEWORK = {"responseCode": "OK", "result": {"framework": {"categories": [{"code": "board"}, {}, {"code": "x"}]}}}


def directory(users: str, **environment: str) -> HttpUserDirectory:
    given = {
        "LERN_PIPELINE_SERVICE_USERORG_BASEPATH": users,
        "LERN_PIPELINE_SERVICE_TAXONOMY_BASEPATH": users,
        "LERN_PIPELINE_USER_READ_API": "/v1/read/",
        "LERN_PIPELINE_FRAMEWORK_READ_API": "/v1/framework/",
    } | environment
    return HttpUserDirectory(load_configuration(None, given).for_job("user-cache-updater"))


def read(server: ThirdParty, *answers: Any, user: str = "u-1") -> ProfileRead | AccountBlocked | NoAnswer:
    """What is read where the server gives the answers in order, the last one for ever."""
    server.answer("user", *answers)
    return directory(f"{server.address}/user").read_profiles([user, user])[user]


def test_a_profile_comes_without_nulls_and_is_asked_for_once(third_party: ThirdParty) -> None:
    assert read(third_party, OK) == ProfileRead({"userId": "u-1", "framework": {"board": ["B"]}})
    (request,) = third_party.requests
    assert (request.method, request.path) == ("GET", "/v1/read/u-1?fields=locations,organisations")


@pytest.mark.parametrize("status", [200, 400])
def test_a_blocked_account_is_told_by_the_body_alone(third_party: ThirdParty, status: int) -> None:
    assert read(third_party, Answer(BLOCKED, status=status)) == AccountBlocked()


def test_a_definite_answer_is_not_tried_again(third_party: ThirdParty) -> None:
    assert read(third_party, Answer(NOT_FOUND, status=404)) == NoAnswer("user-read: RESOURCE_NOT_FOUND")
    assert len(third_party.requests) == 1


NO_ANSWER = pytest.mark.parametrize(
    "answer",
    [Answer(status=502), Answer(drop=True), Answer({"result": {}}), Answer([1])],
    ids=["5xx", "dropped", "without responseCode", "no object"],
)


@NO_ANSWER
def test_what_is_no_answer_is_tried_again(third_party: ThirdParty, answer: Answer) -> None:
    assert isinstance(read(third_party, answer, OK), ProfileRead)


@NO_ANSWER
def test_what_stays_no_answer_costs_this_user_alone(third_party: ThirdParty, answer: Answer) -> None:
    assert isinstance(read(third_party, answer), NoAnswer)
    assert len(third_party.requests) == 3


def test_a_service_that_cannot_be_reached_is_an_outage(third_party: ThirdParty) -> None:
    with pytest.raises(ServiceUnavailable):
        directory("http://127.0.0.1:9").read_profiles(["u-1"])


def test_a_refusal_names_the_setting(third_party: ThirdParty) -> None:
    with pytest.raises(ConfigurationError, match=r"service\.userorg\.basePath"):
        read(third_party, Answer(status=401))


def test_a_code_that_could_be_anything_is_not_repeated(third_party: ThirdParty) -> None:
    answer = read(third_party, OK | {"responseCode": "Asha Rao <asha@lern.test>"})
    assert answer == NoAnswer("user-read: unknown code")


def test_ids_are_one_path_segment(third_party: ThirdParty) -> None:
    read(third_party, OK, user="a/b?c")
    (request,) = third_party.requests
    assert request.path.startswith("/v1/read/a%2Fb%3Fc?")


def test_the_older_setting_holds_the_whole_address(third_party: ThirdParty) -> None:
    third_party.answer("old", OK)
    complete = {"LERN_PIPELINE_USER_READ_API_URL": f"{third_party.address}/old/read/"}
    assert isinstance(directory("http://127.0.0.1:9", **complete).read_profiles(["u-1"])["u-1"], ProfileRead)


def test_categories_are_codes_in_order(third_party: ThirdParty) -> None:
    third_party.answer("user", FRAMEWORK)
    assert directory(f"{third_party.address}/user").framework_categories(["f"]) == {"f": ("board", "x")}


def test_a_framework_that_is_not_known_has_no_categories(third_party: ThirdParty) -> None:
    third_party.answer("user", Answer(NOT_FOUND, status=404))
    assert directory(f"{third_party.address}/user").framework_categories(["f"]) == {"f": ()}


def test_a_framework_without_categories_is_no_answer(third_party: ThirdParty) -> None:
    third_party.answer("user", {"responseCode": "OK", "result": {"framework": {"categories": None}}})
    assert isinstance(directory(f"{third_party.address}/user").framework_categories(["f"])["f"], NoAnswer)
