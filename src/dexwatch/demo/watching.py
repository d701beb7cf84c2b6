"""dexwatch itself, evaluating as the sample needs it: `up FILE`, or `ROLE FILE` for one role."""

import sys

from dexwatch.demo.profile import DEMO, REFRESH_SPEED, transform
from dexwatch.roles.__main__ import main
from dexwatch.roles.evaluation import Evaluation
from dexwatch.rules.registry import ALERTS

EVALUATION = Evaluation(transform(ALERTS), DEMO, REFRESH_SPEED, roles_module=__spec__.name)

if __name__ == "__main__":
    sys.exit(main(EVALUATION))
