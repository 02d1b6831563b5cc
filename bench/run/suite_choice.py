"""Which table a command is about: a suite, perhaps within a budget or under another protocol."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.errors import UsageError
from catalog.schema import Registry, Suite
from catalog.schema.benchmark import BudgetName


@dataclass(frozen=True)
class SuiteChoice:
    """A suite as people name it.

    Attributes:
        name: its id, or that of one of its budgets.
        budget: how long is trained; the same as writing SUITE-BUDGET.
        protocol: instead of the suite's own; its table goes by both names.
    """

    name: str
    budget: BudgetName | None = None
    protocol: str | None = None

    def of(self, registry: Registry) -> Suite:
        """The suite that is meant.

        Raises:
            UsageError: there is no such suite, budget or protocol, or the protocol is for other
                images.
        """
        suite = registry.suite(self.name)
        if self.budget is not None:
            within = suite.within(self.budget)
            if within is None:
                have = ", ".join(suite.budgets)
                raise UsageError(
                    f"suite '{suite.id}' has no budget '{self.budget}'",
                    hint=f"it has: {have}" if have else "its rows are trained as it says",
                )
            suite = within
        if self.protocol is None or self.protocol == suite.protocol:
            return suite
        protocol = registry.protocol(self.protocol)
        if protocol.dataset != suite.dataset:
            raise UsageError(
                f"protocol '{protocol.id}' scores '{protocol.dataset}',"
                f" suite '{suite.id}' trains on '{suite.dataset}'"
            )
        table = f"{suite.id}-by-{protocol.id}"
        return suite.model_copy(update={"id": table, "protocol": protocol.id})


def arguments_of(suite: Suite, registry: Registry) -> str:
    """How people name a suite on a command line, such as ``cifar10 --budget tiny``."""
    for base in registry.suites:
        names = {base.id: base.id}
        names |= {f"{base.id}-{budget}": f"{base.id} --budget {budget}" for budget in base.budgets}
        for table, named in names.items():
            if suite.id == table:
                return named
            if suite.id == f"{table}-by-{suite.protocol}":
                return f"{named} --protocol {suite.protocol}"
    return suite.id
