from __future__ import annotations

import pytest

from lern_pipeline.settings import load_configuration
from lern_pipeline.settings.catalogue import AREAS, JOBS, spellings, variables
from lern_pipeline.settings.values import value_of
from lern_pipeline.settings.variable import Variable, environment_name

pytestmark = pytest.mark.rules

ALL = [(job, variable) for job in (None, *JOBS) for variable in variables(job).values()]


def test_no_name_is_given_twice():
    for job in (None, *JOBS):
        own = [v.name for area in AREAS for v in area.variables if (job in v.jobs if job else not v.jobs)]
        assert len(set(own)) == len(own), f"{job}: {own}"


@pytest.mark.parametrize("job", [None, *JOBS])
def test_an_alias_is_no_other_variables_name_or_alias(job: str | None):
    names = [name for variable in variables(job).values() for name in variable.names()]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("job", JOBS)
def test_within_a_job_every_name_has_an_environment_variable_of_its_own(job: str):
    variables_of_job = [environment_name(name, job) for name in spellings(job)]

    assert len(set(variables_of_job)) == len(variables_of_job)


def test_every_default_is_of_its_kind_and_in_its_range():
    for job, variable in ALL:
        if variable.default not in (None, "", ()):
            assert value_of(variable, variable.default) == variable.default, (job, variable.name)


def test_what_falls_back_falls_back_to_its_own_kind():
    def source(job: str | None, variable: Variable) -> Variable:
        return variables(job)[variable.falls_back_to]

    for job, variable in ALL:
        if variable.falls_back_to:
            assert source(job, variable).kind == variable.kind, (job, variable.name)
            assert source(job, variable).secret == variable.secret, (job, variable.name)


def test_every_password_key_and_secret_is_marked():
    words = ("password", "secret", "auth_key", "account_key", "ApiKey", "msg_91_auth", "service_account")
    for job, variable in ALL:
        if any(word in variable.name for word in words):
            assert variable.secret, (job, variable.name)


def test_every_job_settles_all_its_variables():
    configuration = load_configuration(None, {})
    for job in JOBS:
        settings = configuration.for_job(job)
        assert [setting.name for setting in settings.effective()] == list(variables(job))
