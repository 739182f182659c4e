"""Settings of the neural field, and the recipes they stand for."""

import math
from dataclasses import dataclass, replace

from ...engine.recipe import Recipe
from ...errors import UsageError
from .plan import WHITE, square_layers

RECIPES = ("faithful", "paper", "residue")
PRESETS = {"faithful": {"fast": 60.0, "balanced": 300.0, "best": 1200.0},
           "residue": {"fast": 20.0, "balanced": 60.0, "best": 300.0}}  # fmt: skip
"""Seconds a fit takes."""

AMPLITUDE = {"siren": 8.0, "igr": 1.0}
REACH = {"siren": 1.0, "igr": 3.0}
"""Both by the sweeps on the room's page."""

PAPER_STEPS = {"v": 5_000, "i": 5_000, "a": 20_000, "s": 5_000}
PAPER_RATE = {"v": 1e-3, "i": 1e-3, "a": 1e-3, "s": 1e-4}
VARIABLE = {"siren": (1, 2, 3), "igr": (1, 2, 4)}
VALIDATED = 1 << 14
"""Points the best so far is chosen by, the same ones every time."""

_LONG = 10_000_000


@dataclass(frozen=True)
class NeuralFieldConfig:
    """Settings of `neural_field`; the design's are the paper's, and where it is silent, the reason stands on its page.

    Attributes:
        recipe: "faithful": the paper's design, fitted in minibatches within a time; "paper": its schedule as well,
            5,000 or 20,000 full steps at a constant rate, for a GPU; "residue": ours, weights are pixels mod m.
        preset: time of a fit, when neither seconds nor steps are given: fast, balanced, best.
        seconds: time of a fit, s.
        steps: steps of a fit; with this alone a fit takes the same steps on every run.
        batch: points a step; 0: 2,048, of shapes 512, and all of them with recipe=paper.
        lr: Adam's rate, as a share of the range from w_min to w_max; 0: the recipe's.
        schedule: constant, as published, or cosine; empty: the recipe's.
        precision: of the hidden layers while fitting, float32 or bfloat16; empty: bfloat16 where the hardware has
            it, and float32 with recipe=paper.
        beta: weight of the cover's error; not stated in the paper.
        reach: w_max = -w_min, in units of what the network's own first hidden weights reach; 0: 1 for SIREN, 3 for
            IGR; not stated in the paper.
        amplitude: factor behind the last layer, whose weights are fixed; 0: 8 for SIREN, 1 for IGR. How values are
            scaled is not stated in the paper.
        omega: factor in SIREN's sines.
        start: first weights: "cover" or "random"; not stated in the paper.
        qat: round and clip the weights while learning (equations 3 to 5); false is the paper's Table 3.
        variable_layers: which layers are red, green and blue, as 1,2,3; empty: the paper's.
        colour_means: who knows the means of the secret's colours, "header", sealed, so that a wrong key's are grey, or
            "field", as published; empty: the header, with recipe=paper the field.
        eikonal: weight of IGR's eikonal term.
        normal: weight of IGR's normal term.
        m: of recipe=residue: a weight is a pixel mod m; 3 or 5.
        symbols: of recipe=residue: samples it may use.
    """

    recipe: str = "faithful"
    preset: str = "balanced"
    seconds: float | None = None
    steps: int | None = None
    batch: int = 0
    lr: float = 0.0
    schedule: str = ""
    precision: str = ""
    beta: float = 1.0
    reach: float = 0.0
    amplitude: float = 0.0
    omega: float = 30.0
    start: str = "cover"
    qat: bool = True
    variable_layers: str = ""
    colour_means: str = ""
    eikonal: float = 0.1
    normal: float = 1.0
    m: int = 3
    symbols: int = 786_432

    def __post_init__(self) -> None:
        _one_of("recipe", self.recipe, RECIPES)
        _one_of("preset", self.preset, tuple(PRESETS["faithful"]))
        _one_of("schedule", self.schedule, ("", "constant", "cosine"))
        _one_of("precision", self.precision, ("", "float32", "bfloat16"))
        _one_of("start", self.start, ("cover", "random"))
        _one_of("colour_means", self.colour_means, ("", "header", "field"))
        if not 0 < self.omega < 1e6:
            raise UsageError(f"omega is {self.omega}; expected a number above 0")
        for name in ("beta", "reach", "amplitude", "eikonal", "normal", "lr"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError(f"{name} is {getattr(self, name)}; expected a number from 0")
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise UsageError(f"seconds is {self.seconds}; expected a number above 0")
        if self.steps is not None and self.steps < 1:
            raise UsageError(f"steps is {self.steps}; expected a whole number from 1")
        if self.batch < 0:
            raise UsageError(f"batch is {self.batch}; expected a whole number from 0")
        if self.m not in (3, 5):
            raise UsageError(f"m is {self.m}; expected 3 or 5")
        if self.symbols < 1:
            raise UsageError(f"symbols is {self.symbols}; expected a whole number from 1")
        self.layers("siren")

    def amplitude_of(self, body: str) -> float:
        """Return the factor behind a network's last layer."""
        return self.amplitude or AMPLITUDE[body]

    def reach_of(self, body: str) -> float:
        """Return w_max in units of the network's own first weights."""
        return self.reach or REACH[body]

    def layers(self, body: str) -> tuple[int, int, int]:
        """Return which layers are red, green and blue.

        Raises:
            UsageError: they are not three different square ones.
        """
        if not self.variable_layers:
            first, second, third = VARIABLE[body]
            return first, second, third
        words = self.variable_layers.split(",")
        squares = square_layers(body)
        numbers = [int(word) for word in words if word.strip().isdecimal()]
        if len(words) != 3 or len(set(numbers)) != 3 or not set(numbers) <= set(squares):
            raise UsageError(
                f"variable_layers is {self.variable_layers!r}; expected three of "
                f"{', '.join(map(str, squares))}, as 1,2,3"
            )
        return numbers[0], numbers[1], numbers[2]

    def learning(self, letter: str, points: int) -> Recipe:
        """Return how a secret of that kind, of so many points, is fitted."""
        own = self._published(letter, points) if self.recipe == "paper" else self._timed(letter)
        unit = 1 if self.recipe == "residue" else WHITE  # what is learnt are levels, 0..255
        return replace(
            own,
            batch=min(self.batch or own.batch, points),
            lr=(self.lr or own.lr) * unit,
            schedule=self.schedule or own.schedule,
            precision=self.precision or own.precision,
            channels_last=False,
            log=5,
            validate=100,
            save=10.0,
            pictures=VALIDATED,
        )

    def _published(self, letter: str, points: int) -> Recipe:
        steps = self.steps or PAPER_STEPS[letter]
        lr = PAPER_RATE[letter]
        return Recipe(steps=steps, seconds=self.seconds, lr=lr, batch=points, precision="float32")

    def _timed(self, letter: str) -> Recipe:
        seconds = self.seconds
        if seconds is None and self.steps is None:
            seconds = PRESETS[self.family][self.preset]
        rate, batch = _RATES[self.family, letter]
        return Recipe(steps=self.steps or _LONG, seconds=seconds, lr=rate, batch=batch, schedule="cosine")

    @property
    def seals_means(self) -> bool:
        """Whether the header tells the means of the secret's colours."""
        return (self.colour_means or ("field" if self.recipe == "paper" else "header")) == "header"

    def lasting(self) -> "NeuralFieldConfig":
        """Return these settings without what only says how long a fit takes: it can go on under others."""
        return replace(self, preset="balanced", seconds=None, steps=None)

    @property
    def family(self) -> str:
        """The recipe its presets are of."""
        return "residue" if self.recipe == "residue" else "faithful"


_RATES = {
    ("faithful", "v"): (2 / 255, 2048),
    ("faithful", "i"): (2 / 255, 2048),
    ("faithful", "a"): (2 / 255, 2048),
    ("faithful", "s"): (1.5 / 255, 512),
    ("residue", "v"): (1e-2, 1),
    ("residue", "i"): (1e-2, 1),
}
"""Adam's rate, as a share of the range, and points a step."""


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{name} is {value!r}; expected {' or '.join(word or 'nothing' for word in known)}")
