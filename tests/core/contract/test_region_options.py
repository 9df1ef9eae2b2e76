"""Regions as a caller sends them: how much is said of a list that is too long."""

import pytest
from pydantic import ValidationError

from core.contract import region_options
from core.contract.region_options import MAX_REGIONS
from core.errors import InvalidOption
from web.schemas.batch_creation import BatchCreation
from web.schemas.detect import MaskUpload

TOO_MANY = "Input should be an array of at most 200 regions"
MEMBERS = ["{}", "7", '{"x1": 0, "y1": 0, "x2": 9, "y2": 6}']


def listed(member: str, count: int) -> str:
    return "[" + ", ".join([member] * count) + "]"


@pytest.mark.parametrize("member", MEMBERS)
def test_list_of_a_form_that_is_too_long_is_one_problem(member: str) -> None:
    with pytest.raises(ValidationError) as refused:
        MaskUpload.model_validate({"mask_regions": listed(member, MAX_REGIONS + 1)})
    (problem,) = [one for one in refused.value.errors() if one["loc"] != ("image",)]
    assert (problem["loc"], problem["msg"]) == (("mask_regions",), f"Value error, {TOO_MANY}")


@pytest.mark.parametrize("member", MEMBERS)
def test_list_of_a_batch_that_is_too_long_is_one_problem(member: str) -> None:
    sent = f'{{"name": "a", "options": {{"keep_regions": {listed(member, MAX_REGIONS + 1)}}}}}'
    with pytest.raises(InvalidOption) as refused:
        BatchCreation.model_validate_json(sent).validated_options()
    (problem,) = refused.value.problems
    assert (problem.field, problem.message) == ("options.keep_regions", TOO_MANY)


def test_longest_list_is_taken() -> None:
    assert len(region_options.from_text(listed(MEMBERS[2], MAX_REGIONS))) == MAX_REGIONS
    sent = f'{{"name": "a", "options": {{"keep_regions": {listed(MEMBERS[2], MAX_REGIONS)}}}}}'
    assert len(BatchCreation.model_validate_json(sent).validated_options().model_dump()["keep_regions"]) == MAX_REGIONS
