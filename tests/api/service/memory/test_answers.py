"""The memory of answers: what one may take, and what all under way share."""

from __future__ import annotations

import pytest

from asteroid_cloud.api.limits import ANSWER_BYTES_MAX
from asteroid_cloud.api.service.memory.answers import AnswerBudget, AnswerRoom
from asteroid_cloud.wal.errors import Overloaded, TooLarge


def test_an_answer_is_refused_at_the_byte_that_is_too_many() -> None:
    room = AnswerRoom(AnswerBudget()).lower("lower k")
    room.take(ANSWER_BYTES_MAX)
    with pytest.raises(TooLarge, match="lower k") as caught:
        room.take(1)
    assert caught.value.code == "answer_too_large"
    assert caught.value.details["limit"] == ANSWER_BYTES_MAX


def test_what_one_answer_holds_another_cannot() -> None:
    budget = AnswerBudget(100)
    one, two = AnswerRoom(budget), AnswerRoom(budget)
    one.take(60)
    two.take(40)
    with pytest.raises(Overloaded) as caught:
        two.take(1)
    assert caught.value.code == "overloaded"
    assert caught.value.retry_after_s > 0
    two.release()
    two = AnswerRoom(budget)
    one.take(40)
    one.give_back(70)
    assert budget.used == 30
    two.hold(70)
    one.release()
    two.release()
    assert budget.used == 0


def test_the_oldest_that_gathers_goes_on_and_the_younger_makes_room() -> None:
    budget = AnswerBudget(100)
    sent, old, young = AnswerRoom(budget), AnswerRoom(budget), AnswerRoom(budget)
    sent.hold(20)
    old.take(60)
    young.take(20)
    old.take(20)
    with pytest.raises(Overloaded):
        young.take(1)
    young.release()
    assert budget.used == 100
    with pytest.raises(Overloaded):  # what is being sent is not taken back
        old.take(1)
    old.release()
    sent.release()
    assert budget.used == 0


def test_an_answer_alone_always_fits() -> None:
    budget = AnswerBudget(100)
    alone, other = AnswerRoom(budget), AnswerRoom(budget)
    alone.take(1_000)
    with pytest.raises(Overloaded):
        other.take(1)
    alone.give_back(950)
    AnswerRoom(budget).take(1)


def test_of_two_that_grow_only_one_is_refused() -> None:
    budget = AnswerBudget(100)
    rooms = [AnswerRoom(budget), AnswerRoom(budget)]
    refused = []
    for step in range(200):
        room = rooms[step % 2]
        if room in refused:
            continue
        try:
            room.take(1)
        except Overloaded:
            room.release()
            refused.append(room)
    assert len(refused) == 1
    assert budget.used == 100
