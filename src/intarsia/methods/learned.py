"""What methods with trained networks share: which model they use, and what `intarsia train` asks of them.

    --model NAME | RUN_DIR ─► zoo.find ─┐                      ┌─► hide:    its identity goes into the header
    none: the one of the method's name ─┴─► Model ─► networks ─┤
    header: identity ─► zoo.by_identity ─► Model ──────────────┴─► reveal:  the very same weights, or a clear refusal

No torch here: a method can be listed and asked for its settings without it.
"""

import copy
import dataclasses
import importlib.util
import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from .. import zoo
from ..engine.packs import Pack, Packing
from ..engine.recipe import Recipe
from ..errors import UsageError, WeightsError
from ..media import Image
from ..media.image import resize
from .base import Method, configure

if TYPE_CHECKING:
    from torch import nn

    from ..engine.learner import Batches, Learner

ConfigT = TypeVar("ConfigT")

MOST_STEPS = 10_000
"""That `hide` takes to refine a container."""

IDENTITY_BYTES = 8
"""Of a model, in a header: the first bytes of its weights' digest."""


@dataclass(frozen=True)
class Bare:
    """What a header would have said, for a container that lost it.

    Attributes:
        size: of the secret picture, as 640x480; empty: as the networks give it.
        colour: whether it is in colour.
        rate: of the sound when something was hidden in it, Hz; 0: as it came.
    """

    size: str = ""
    colour: bool = True
    rate: int = 0

    def __post_init__(self) -> None:
        if self.size and not re.fullmatch(r"[1-9][0-9]{0,4}x[1-9][0-9]{0,4}", self.size):
            raise UsageError(f"size is {self.size!r}; expected width and height, as in 640x480")
        if self.rate and not 1_000 <= self.rate <= 1_000_000:
            raise UsageError(f"rate is {self.rate}; expected 1,000..1,000,000 Hz")

    def sized(self, picture: Image) -> Image:
        """Return a picture at the size."""
        if not self.size:
            return picture
        width, height = map(int, self.size.split("x"))
        return resize(picture, width, height)


class Learned(Method[ConfigT]):
    """A method with trained networks."""

    recipe: ClassVar[Recipe | None] = Recipe()
    packing: ClassVar[Packing] = Packing()
    """How its training data are packed."""
    reads: ClassVar[tuple[str, ...]] = ("image",)
    """Kinds of media it learns from."""
    free: ClassVar[frozenset[str]] = frozenset()
    """Settings that may differ from those the model was trained with."""

    _model_named: str | None = None
    _device: str = "auto"

    # --- learning -------------------------------------------------------------------------------------------

    @abstractmethod
    def learner(self, config: ConfigT, recipe: Recipe) -> "Learner":
        """Return fresh networks and what they are to learn."""

    @abstractmethod
    def batches(self, config: ConfigT, recipe: Recipe, pack: Pack) -> "Batches":
        """Return where its batches come from."""

    def network(self, config: ConfigT) -> "nn.Module":
        """Return the networks without weights."""
        return self.learner(config, self.recipe or Recipe()).net

    def needs(self, config: ConfigT) -> tuple[str, ...]:
        """Return the kinds of media it learns from with these settings."""
        return self.reads

    # --- using ----------------------------------------------------------------------------------------------

    def equip(self, model: str | None, device: str = "auto") -> Self:
        """Return this method with a trained model to use, a name or a run folder, on a device."""
        equipped = copy.copy(self)
        equipped._model_named, equipped._device = model, device
        return equipped

    def notices(self) -> tuple[str, ...]:
        """Say that the CPU is used where a GPU was asked for and there is none."""
        if self._device != "cuda" or not has_torch():
            return ()
        from ..engine import hardware

        said: list[str] = []
        hardware.device(self._device, said.append)
        return tuple(said)

    def settle(self, settings: Mapping[str, object]) -> ConfigT:
        """Make the settings to hide with: those of the model, and the free ones as they are given.

        Raises:
            UsageError: a setting that the model was trained with is given another value.
            WeightsError: there is no such model, or it is damaged.
        """
        asked = configure(self.Config, settings, self.facts.name)
        model = self.model()
        trained = configure(self.Config, model.config, model.name)
        values = {name: getattr(asked, name) for name in settings}
        for name, value in values.items():
            if name not in self.free and value != getattr(trained, name):
                raise UsageError(
                    f"{name} is {getattr(trained, name)!r} in model {model.name}; train another for {value!r}"
                )
        return dataclasses.replace(trained, **values)  # type: ignore[type-var]

    @property
    def model_name(self) -> str:
        """Name of the trained model it hides with."""
        return self.model().name

    def model(self) -> zoo.Model:
        """Return the model to hide with.

        Raises:
            WeightsError: there is none, or it is damaged.
        """
        name = self.facts.name
        if self._model_named is not None:
            return zoo.find(self._model_named, name)
        if name not in zoo.names():  # not whatever lies under that name in the current folder
            raise WeightsError(
                f"{name} has no trained weights yet; train some: intarsia train {name} --data DIR --run RUN, "
                "then add --model RUN"
            )
        return zoo.find(name, name)

    def model_of(self, identity: bytes) -> zoo.Model:
        """Return the model a container was made with.

        Raises:
            WeightsError: it is not shipped, and not the one that was named.
        """
        if self._model_named is not None:
            model = zoo.find(self._model_named, self.facts.name)
            if model.identity[:IDENTITY_BYTES] != identity:
                raise WeightsError(
                    f"{model.name}: weights {model.identity.hex()[:16]}, but the secret was hidden with "
                    f"{identity.hex()}; give the model as it was then"
                )
            return model
        model_or_none = zoo.by_identity(identity, self.facts.name)
        if model_or_none is None:
            raise WeightsError(
                f"hidden with a model of {self.facts.name} that is not shipped (weights {identity.hex()}); "
                "give it: --model RUN_DIR"
            )
        return model_or_none

    def loaded(self, model: zoo.Model, config: ConfigT) -> "nn.Module":
        """Return the networks with the model's weights, ready to use, on this method's device."""
        need_torch(self.facts.name)
        import torch

        from ..engine import hardware

        net = self.network(config)
        expected = {
            name: tuple(tensor.shape) for name, tensor in net.state_dict().items() if tensor.is_floating_point()
        }
        arrays = model.arrays(expected)
        net.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, strict=False)
        device = hardware.device(self._device, lambda _line: None)
        return net.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]


def steps_of(config: object) -> int:
    """Return how many steps `hide` may take to refine a container; 0 where a method has no such setting."""
    return int(getattr(config, "refine", 0))


def check_refine(steps: int) -> None:
    """Raise `UsageError` when the setting `refine` cannot be meant."""
    if not 0 <= steps <= MOST_STEPS:
        raise UsageError(f"refine is {steps}; expected 0..{MOST_STEPS:,} steps")


def need_torch(name: str) -> None:
    """Raise `UsageError` when torch is not installed."""
    if not has_torch():
        raise UsageError(f"{name} needs torch: pip install 'intarsia[neural]'")


def has_torch() -> bool:
    """Whether torch is installed; it is not imported."""
    try:
        return importlib.util.find_spec("torch") is not None
    except (ImportError, ValueError):
        return False


def config_record(config: object) -> dict[str, Any]:
    """Return settings as JSON knows them."""
    return dataclasses.asdict(config)  # type: ignore[call-overload, no-any-return]
