"""The queue before the password check: fair, bounded, and it loses no turn."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dexwatch.console.access.queue import MOST_OF_ADDRESS, CheckQueue, QueueFullError, subnet


class Checks:
    """Runs attempts through a queue, and says in which order they were served."""

    def __init__(self, **bounds):
        self.queue, self.served = CheckQueue(at_once=1, **bounds), []
        self.gate = asyncio.Event()
        self.tasks = []

    async def begin(self, address, name="n", **more):
        async def attempt():
            async with self.queue.turn(address, name, **more):
                self.served.append((address, name))
                await self.gate.wait()

        self.tasks.append(asyncio.create_task(attempt()))
        for _ in range(4):
            await asyncio.sleep(0)
        return self.tasks[-1]

    async def end(self):
        self.gate.set()
        return await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_addresses_are_served_in_turn_and_names_within_them():
    checks = Checks()
    await checks.begin("first")
    for name in ("a", "a", "b"):
        await checks.begin("flood", name)
    await checks.begin("other", "c")
    await checks.end()
    order = [("flood", "a"), ("other", "c"), ("flood", "b"), ("flood", "a")]
    assert checks.served == [("first", "n"), *order]


async def test_a_known_browser_goes_first():
    checks = Checks()
    for n in range(4):
        await checks.begin(f"10.0.0.{n}")
    await checks.begin("10.0.0.1", "ana", known="b1")
    await checks.end()
    assert checks.served[1] == ("10.0.0.1", "ana")


async def test_one_address_has_so_many_places_and_no_more():
    checks = Checks()
    for _ in range(MOST_OF_ADDRESS + 3):
        await checks.begin("a")
    await checks.begin("a", known="b1")
    results = await checks.end()
    assert sum(isinstance(one, QueueFullError) for one in results) == 3
    assert not isinstance(results[-1], QueueFullError)


async def test_a_full_queue_takes_a_newcomer_in_place_of_the_longest_line():
    checks = Checks(most=8)
    await checks.begin("first")
    for n in range(8):
        await checks.begin("flood", f"n-{n}")
    newcomer = await checks.begin("other")
    results = await checks.end()
    assert not isinstance(newcomer.exception(), QueueFullError)
    assert sum(isinstance(one, QueueFullError) for one in results) == 1


async def test_who_is_held_back_takes_no_place():
    checks = Checks()
    await checks.begin("a", delay=30)
    await checks.begin("b")
    assert checks.served == [("b", "n")]
    checks.tasks[0].cancel()
    await checks.end()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(0, 3), st.integers(0, 2)),
        st.tuples(st.just("cancel"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("leave"), st.integers(0, 30), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(steps)
async def test_when_requests_come_and_go_no_turn_is_lost_and_no_slot_is_given_twice(plan):
    queue, inside, most, leaving, tasks = CheckQueue(at_once=2, most=10), set(), 0, [], []

    async def attempt(number, address, name):
        nonlocal most
        async with queue.turn(f"a{address}", f"n{name}"):
            inside.add(number)
            most = max(most, len(inside))
            try:
                await leaving[number].wait()
            finally:
                inside.discard(number)

    for act, first, second in plan:
        if act == "begin":
            leaving.append(asyncio.Event())
            tasks.append(asyncio.create_task(attempt(len(tasks), first, second)))
        elif first < len(tasks):
            tasks[first].cancel() if act == "cancel" else leaving[first].set()
        await asyncio.sleep(0)
    for event in leaving:
        event.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most <= 2
    async with asyncio.timeout(1), queue.turn("z", "z"), queue.turn("y", "y"):
        pass


@pytest.mark.parametrize(
    ("address", "counted"),
    [("10.0.0.7", "10.0.0.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("unknown", "unknown")],
)
def test_a_customer_of_ipv6_counts_as_one(address, counted):
    assert subnet(address) == counted
