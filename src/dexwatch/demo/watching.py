"""dexwatch itself, evaluating as the sample needs it: `up FILE`, or `ROLE FILE` for one role."""

import sys
from typing import TYPE_CHECKING

from dexwatch.roles.__main__ import main

if TYPE_CHECKING:
    from dexwatch.roles.evaluation import Evaluation


def evaluation() -> "Evaluation":
    """Return the rules of the sample, which only some of the roles load."""
    from dexwatch.demo.profile import DEMO, REFRESH_SPEED, transform  # noqa: PLC0415
    from dexwatch.roles.evaluation import Evaluation  # noqa: PLC0415
    from dexwatch.rules.registry import ALERTS  # noqa: PLC0415

    return Evaluation(transform(ALERTS), DEMO, REFRESH_SPEED, roles_module=__spec__.name)


if __name__ == "__main__":
    sys.exit(main(evaluation))
