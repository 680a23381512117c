"""A worker takes few jobs, does each once and in order, survives a bad one, and ends when it is told to."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from asteroid_cloud.api.service.quality.worker import Worker


class Job:
    """Something to be held."""


def test_jobs_are_done_in_order_and_only_so_many_wait() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), list[int]()

    def work(job: int) -> None:
        begun.set()
        go_on.wait()
        done.append(job)

    worker = Worker("w", work, waiting_max=2)
    assert not worker.is_running
    assert worker.offer(0)
    begun.wait()
    assert [worker.offer(job) for job in (1, 2, 3)] == [True, True, False]
    go_on.set()
    while len(done) < 3:  # the test's own timeout ends it otherwise
        pass
    worker.close()
    assert done == [0, 1, 2]
    assert not worker.is_running


def test_what_waits_is_dropped_at_the_end_and_nothing_is_taken_after() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), list[int]()

    def work(job: int) -> None:
        begun.set()
        go_on.wait()
        done.append(job)

    worker = Worker("w", work, waiting_max=2)
    for job in (0, 1, 2):
        worker.offer(job)
        begun.wait()
    closing = threading.Thread(target=worker.close)
    closing.start()
    while not worker._is_closed:
        pass
    assert closing.is_alive(), "it waits for the job under way"
    assert not worker.offer(3)
    go_on.set()
    closing.join()
    assert done == [0]


def test_one_that_never_worked_closes_at_once() -> None:
    worker = Worker("w", print, waiting_max=1)
    worker.close()
    worker.close()
    assert not worker.offer("x")


def test_a_job_that_fails_is_logged_and_the_next_is_done(caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()

    def work(job: int) -> None:
        if job == 0:
            raise ValueError("bad")
        done.set()

    worker = Worker("asteroid-w", work, waiting_max=2)
    worker.offer(0)
    worker.offer(1)
    done.wait()
    worker.close()
    assert [record.getMessage() for record in caplog.records] == ["a job of asteroid-w failed"]


def test_a_job_is_not_held_after_it_is_done() -> None:
    done = threading.Event()
    worker: Worker[Job] = Worker("w", lambda job: done.set(), waiting_max=1)
    job = Job()
    alive = weakref.ref(job)
    worker.offer(job)
    del job
    done.wait()
    while alive() is not None:
        gc.collect()
    worker.close()


def test_the_thread_ends_without_work_and_a_new_one_begins_with_the_next_job() -> None:
    done: list[int] = []
    worker = Worker("w", done.append, waiting_max=1, idle_s=0.001)
    for job in range(3):
        assert worker.offer(job)
        while worker.is_running:
            pass
        assert done == list(range(job + 1))
    worker.close()
