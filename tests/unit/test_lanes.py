"""A lane holds channel, status and service, and gives them back."""

from itertools import product

import pytest

from alertd.lanes import (
    BY_SMS,
    GROUP_KINDS,
    Service,
    channel_of,
    lane_of,
    service_of,
    services_of,
    status_of,
    way_of_group,
)
from alertd.model import Channel, Status
from rosters import words

ALL = list(product(Channel, Status, Service))


def test_no_two_lanes_are_the_same_number_and_each_fits_its_column() -> None:
    lanes = {lane_of(*parts) for parts in ALL}
    assert len(lanes) == len(ALL)
    assert max(lanes) < 2**15


@pytest.mark.parametrize(("channel", "status", "service"), ALL)
def test_a_lane_says_what_travels_in_it(channel: Channel, status: Status, service: Service) -> None:
    lane = lane_of(channel, status, service)
    assert (channel_of(lane), status_of(lane)) == (channel, status)
    assert (lane in BY_SMS) == (channel is Channel.SMS and service is Service.WEBHOOK)


def test_a_roster_names_the_kinds_of_groups_that_there_are_ways_to() -> None:
    assert set(GROUP_KINDS) == set(words.GROUP_KINDS)
    for kind in GROUP_KINDS:
        channel, service = way_of_group(kind)
        assert service in services_of(channel)


def test_a_route_reaches_the_groups_of_its_own_type() -> None:
    assert service_of("dingtalk") is Service.DINGTALK
    assert service_of("dingwork") is Service.DINGWORK
    assert service_of("twilio") is Service.WEBHOOK
