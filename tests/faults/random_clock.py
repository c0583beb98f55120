"""The machine's clock in a random week: it leaps, is put right, and somebody vouches for it."""

from alertd.errors import AlertdError
from tests.city import OFFICER
from tests.faults.random_world import World

MINUTE = 60_000
LEAPS = tuple(
    sign * minutes * MINUTE for minutes in (1.5, 3, 61, 26 * 60, 400 * 1440) for sign in (-1, 1)
)


def clock_leaps(world: World) -> None:
    """The wall clock is somewhere else, or where it belongs again."""
    machine = world.node.current.machine
    back = machine.ahead_ms and world.dice.random() < 0.5
    machine.ahead_ms = 0 if back else machine.ahead_ms + round(world.dice.choice(LEAPS))
    world.say(f"   the wall clock is {machine.ahead_ms / MINUTE:g} min ahead")
    world.node.look_at_the_clock()


def clock_accepted(world: World) -> None:
    """An operator says that the wall clock is right; or reads a wrong watch."""
    if not world.node.current.machine.ahead_ms:
        clock_leaps(world)
    said = world.node.current.wall() + world.dice.choice([0, 0, 0, 3_600_000])
    wish = world.node.current.keeper.ask(OFFICER, said)
    world.node.look_at_the_clock()
    try:
        moved = wish.result(timeout=0)
    except AlertdError as error:
        world.say(f"   refused: {error}")
    else:
        world.say(f"   by {(moved.now - moved.was) / MINUTE:g} min, {moved.ended} ended")
