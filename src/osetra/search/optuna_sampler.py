"""Any sampler of Optuna as a plug-in.

A scale becomes a float in [0, 1], its unit coordinate, so Optuna needs no knowledge of it; a choice becomes the places of its values.
Conditional hyperparameters are suggested only where they exist. Optuna minimises.
Source: Akiba et al. 2019, Optuna: A Next-generation Hyperparameter Optimization Framework.
Knows nothing of: training, how Optuna chooses.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from osetra.core.errors import InputError, MissingExtra, SpaceError
from osetra.core.records import Configuration, Value
from osetra.core.seeding import Seed
from osetra.search.proposed import Proposed, placed
from osetra.space.counted import Counted
from osetra.space.space import Space

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

REDRAWS = 20
"""Suggestions that repeat themselves or break a constraint before a configuration is drawn at random."""


class OptunaSampler:
    """A `Sampler`. Asked for trials in rising order.

    sampler: one of Optuna, whose own seed then decides; or a function that makes one from a seed, such as
    `lambda seed: TPESampler(seed=seed)`, which is called with a seed that follows from the study's; None is TPE. first: what trial 0
    gets; it must lie in the space. Optuna hears the result at the highest epoch known; a trial that diverged counts as infinitely bad.
    Raises `MissingExtra` where Optuna is not installed and `SpaceError` for `first` outside the space or a sampler that is none.
    """

    def __init__(
        self,
        space: Space,
        *,
        seed: int,
        sampler: "BaseSampler | Callable[[int], BaseSampler] | None" = None,
        first: Configuration | None = None,
    ) -> None:
        self._optuna = _import()
        if first is not None:
            space.validate(first)
        self._space = space
        self._seed = seed
        self._first = first
        self._given = sampler
        self._edits = 0
        self._sampler = self._make(sampler)
        self._proposed = Proposed(space)
        self._study = self._new_study()
        self._configurations: dict[int, dict[str, Value]] = {}
        self._places: dict[int, int] = {}
        """Trial number -> its place among the trials of Optuna's study."""
        self._latest: dict[int, tuple[int, float]] = {}
        self._unheard: set[int] = set()

    def propose(self, number: int) -> dict[str, Value] | None:
        """The configuration of trial `number`; None once every configuration of the space has been proposed.

        Raises `InputError` where Optuna's sampler cannot work with the space or what it was told.
        """
        if self._proposed.used_up:
            return None
        try:
            with self._quiet():
                self._tell()
                configuration = self._suggest(number)
        except (SpaceError, MissingExtra):
            raise
        except Exception as error:
            name = type(self._sampler).__name__
            raise InputError(f"Optuna's {name} must suggest values of this space, got {error!r}; choose another sampler") from error
        if configuration is not None:
            self._proposed.add(configuration)
            self._configurations[number] = configuration
        return configuration

    def observe(self, number: int, epoch: int, value: float) -> None:
        """Keep the result at the highest epoch known; Optuna hears it before it suggests again."""
        if number in self._configurations and epoch >= self._latest.get(number, (0, 0.0))[0]:
            self._latest[number] = (epoch, value)
            if number in self._places:
                self._unheard.add(number)

    def edit(self, space: Space) -> None:
        """Go on in this space: Optuna gets a new study with the trials that have a place in it (see `placed`), and a sampler made anew.

        One that was given as an object goes on itself; some of Optuna's cannot do so where other names are searched than before, and fail
        when they are asked next. Raises `SpaceError` where (almost) nothing satisfies the constraints.
        """
        self._proposed.edit(space)
        self._space = space
        self._edits += 1
        self._sampler = self._make(self._given)
        self._places, trials = {}, []
        for number, configuration in self._configurations.items():
            moved = placed(space, configuration)
            if moved is not None:
                self._places[number] = len(trials)
                trials.append(self._as_optunas(moved, number))
        self._unheard.clear()
        self._study = self._new_study()
        with self._quiet():
            self._study.add_trials(trials)

    def _suggest(self, number: int) -> dict[str, Value] | None:
        if self._first is not None and number == 0 and not self._configurations:
            return self._enqueued(0, self._space.nearest(self._first))
        for _ in range(REDRAWS):
            trial = self._study.ask()
            configuration = self._space.build(lambda name: self._value(trial, name))  # noqa: B023  called at once
            if self._space.fits(configuration) and self._proposed.is_new(configuration):
                self._places[number] = trial.number
                return configuration
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        configuration = self._proposed.draw(Seed(study=self._seed, trial=number))
        return None if configuration is None else self._enqueued(number, configuration)

    def _enqueued(self, number: int, configuration: dict[str, Value]) -> dict[str, Value]:
        """Let Optuna take a configuration that it did not choose for its own."""
        self._study.enqueue_trial({name: self._parameter(name, configuration[name]) for name in self._space.names if name in configuration})
        trial = self._study.ask()
        self._space.build(lambda name: self._value(trial, name))
        self._places[number] = trial.number
        return configuration

    def _value(self, trial: "optuna.Trial", name: str) -> Value:
        scale = self._space.scales[name]
        if isinstance(scale, Counted) and not scale.is_ordered:
            return scale.at(trial.suggest_categorical(name, list(range(scale.size))))
        return scale.decode(min(max(trial.suggest_float(name, 0.0, 1.0), 0.0), 1.0))

    def _parameter(self, name: str, value: Value) -> float | int:
        scale = self._space.scales[name]
        return scale.index_of(value) if isinstance(scale, Counted) and not scale.is_ordered else scale.encode(value)

    def _as_optunas(self, configuration: dict[str, Value], number: int) -> "FrozenTrial":
        """A trial of Optuna's that it did not begin: complete if it was heard of, else running."""
        names = [name for name in self._space.names if name in configuration]
        heard = self._latest.get(number)
        return self._optuna.trial.create_trial(
            state=self._optuna.trial.TrialState.COMPLETE if heard else self._optuna.trial.TrialState.RUNNING,
            value=_loss(heard[1]) if heard else None,
            params={name: self._parameter(name, configuration[name]) for name in names},
            distributions={name: self._distribution(name) for name in names},
        )

    def _distribution(self, name: str) -> Any:
        scale = self._space.scales[name]
        if isinstance(scale, Counted) and not scale.is_ordered:
            return self._optuna.distributions.CategoricalDistribution(list(range(scale.size)))
        return self._optuna.distributions.FloatDistribution(0.0, 1.0)

    def _tell(self) -> None:
        """Bring Optuna's study up to date. What it was told can only be told anew in a new study, into which all trials move."""
        frozen = self._study.get_trials(deepcopy=False)
        again = [number for number in self._unheard if frozen[self._places[number]].state.is_finished()]
        if again:
            by_place = {place: number for number, place in self._places.items()}
            trials = [self._retold(trial, by_place.get(place)) for place, trial in enumerate(frozen)]
            self._study = self._new_study()
            self._study.add_trials(trials)
        else:
            for number in sorted(self._unheard):
                self._study.tell(self._places[number], _loss(self._latest[number][1]))
        self._unheard.clear()

    def _retold(self, trial: "FrozenTrial", number: int | None) -> "FrozenTrial":
        if number not in self._latest:
            return trial
        return self._optuna.trial.create_trial(
            state=self._optuna.trial.TrialState.COMPLETE,
            value=_loss(self._latest[number][1]),
            params=trial.params,
            distributions=trial.distributions,
            user_attrs=trial.user_attrs,
            system_attrs=trial.system_attrs,
        )

    def _make(self, sampler: Any) -> "BaseSampler":
        base = self._optuna.samplers.BaseSampler
        if not isinstance(sampler, base):
            make = sampler or (lambda seed: self._optuna.samplers.TPESampler(seed=seed))
            # Optuna's seeds are those of NumPy's older generators: 32 bits.
            sampler = make(int(Seed(study=self._seed).key("optuna", self._edits)) % 2**32) if callable(make) else make
        if not isinstance(sampler, base):
            raise SpaceError(
                f"sampler must be one of optuna.samplers or a function that makes one from a seed, got {sampler!r}; give TPESampler()"
            )
        return sampler

    def _new_study(self) -> "optuna.Study":
        with self._quiet():
            return self._optuna.create_study(sampler=self._sampler)

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """Optuna announces each study and trial on stderr; its verbosity is put back afterwards."""
        level = self._optuna.logging.get_verbosity()
        self._optuna.logging.set_verbosity(max(level, self._optuna.logging.WARNING))
        try:
            yield
        finally:
            self._optuna.logging.set_verbosity(level)


def _loss(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _import() -> Any:
    try:
        import optuna
    except ImportError:
        raise MissingExtra("a sampler of Optuna needs Optuna; install it with: pip install 'osetra[optuna]'") from None
    return optuna
