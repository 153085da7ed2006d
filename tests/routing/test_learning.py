"""Speed factors from drives: what is hidden is found, and noise does not lead astray."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import CHINA_CITY, ROAD_CLASSES, HourBucket, RoadClass, SpeedProfile
from routing.drives import Drive, free_seconds, predicted_s
from routing.learning import Learned, learn
from routing.speed_files import load_profile, store_profile

DAY, PEAK = HourBucket.DAY, HourBucket.MORNING_PEAK
TODAY = date(2026, 11, 20)
SEEDS = st.integers(0, 10_000)
SHARES = st.lists(st.floats(0.6, 1.5), min_size=len(ROAD_CLASSES), max_size=len(ROAD_CLASSES))
CITY_MIX = np.array([0.3, 0.6, 2.0, 2.0, 1.5, 1.0, 0.4])


def drives_of(
    seed: int, count: int, shares: list[float], *, noise: float, bucket: HourBucket = DAY
) -> list[Drive]:
    """Draw drives of about 12 minutes; the hidden factors are shares of the prior's."""
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        mix = chance.dirichlet(CITY_MIX) * chance.uniform(300, 1200)
        hidden = [
            CHINA_CITY.factor(bucket, road) * share
            for road, share in zip(ROAD_CLASSES, shares, strict=True)
        ]
        late = np.exp(chance.normal(0, noise))
        found.append(Drive(bucket, tuple(mix.tolist()), float((mix / hidden).sum() * late)))
    return found


def shares_of(learned: Learned, bucket: HourBucket = DAY) -> list[float]:
    return [
        learned.profile.factor(bucket, road) / CHINA_CITY.factor(bucket, road)
        for road in ROAD_CLASSES
    ]


def usual_miss(learned: Learned, truth: list[float], seed: int) -> float:
    """Give the mean |predicted / median - 1| over drives that were not learnt from."""
    unseen = drives_of(seed + 77_777, 100, truth, noise=0)
    return float(
        np.mean([abs(predicted_s(learned.profile, one) / one.taken_s - 1) for one in unseen])
    )


@settings(max_examples=12, deadline=None)
@given(SEEDS, SHARES)
def test_finds_hidden_factors_and_better_still_their_sums(seed: int, truth: list[float]) -> None:
    learned = learn(drives_of(seed, 800, truth, noise=0.2), CHINA_CITY, learnt_on=TODAY)
    for road in (RoadClass.PRIMARY, RoadClass.SECONDARY, RoadClass.TERTIARY):
        at = ROAD_CLASSES.index(road)
        assert shares_of(learned)[at] == pytest.approx(truth[at], rel=0.22)
    assert usual_miss(learned, truth, seed) < 0.05  # measured: 0.015, at worst 0.025


@settings(max_examples=12, deadline=None)
@given(SEEDS, SHARES)
def test_without_noise_finds_every_class(seed: int, truth: list[float]) -> None:
    learned = learn(
        drives_of(seed, 500, truth, noise=0),
        CHINA_CITY,
        learnt_on=TODAY,
        common_weight=1e-6,
        class_weight=1e-6,
        thin_drives=0,
    )
    assert shares_of(learned) == pytest.approx(truth, rel=0.01)
    assert learned.error_after < 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            Drive,
            st.sampled_from(HourBucket),
            st.tuples(*[st.floats(0, 1e6) for _ in ROAD_CLASSES]).filter(lambda each: sum(each)),
            st.floats(0, 1e7, exclude_min=True),
        ),
        max_size=30,
    )
)
def test_no_factor_leaves_its_limits(drives: list[Drive]) -> None:
    learned = learn(drives, CHINA_CITY, learnt_on=TODAY)
    for bucket in HourBucket:
        assert all(0.5 <= share <= 2.0 for share in shares_of(learned, bucket))
        assert 0.5 <= learned.profile.factors[bucket] / CHINA_CITY.factors[bucket] <= 2.0


@pytest.mark.parametrize(("share", "limit"), [(0.3, 0.5), (3.5, 2.0)])
def test_stops_at_the_limits(share: float, limit: float) -> None:
    drives = drives_of(3, 2000, [share] * len(ROAD_CLASSES), noise=0.1)
    assert shares_of(learn(drives, CHINA_CITY, learnt_on=TODAY)) == pytest.approx([limit] * 7)


def test_a_class_at_its_limit_leaves_the_others_right() -> None:
    truth = [1.0, 1.0, 0.35, 1.2, 1.2, 1.2, 1.2]
    learned = learn(drives_of(5, 2000, truth, noise=0), CHINA_CITY, learnt_on=TODAY)
    shares = shares_of(learned)
    assert shares[2] == pytest.approx(0.5)
    slow = learn(drives_of(5, 2000, [0.5, *truth[1:]], noise=0), CHINA_CITY, learnt_on=TODAY)
    assert shares_of(slow)[0] < shares[0]  # the limit of one does not stop another from moving


def test_few_drives_hardly_move_the_prior() -> None:
    slow = [0.6] * len(ROAD_CLASSES)
    moved = [
        1 - min(shares_of(learn(drives_of(1, n, slow, noise=0.1), CHINA_CITY, learnt_on=TODAY)))
        for n in (1, 2, 10, 50, 1000)
    ]
    assert moved == sorted(moved)
    assert moved[0] < 0.05
    assert moved[1] < 0.12
    assert moved[2] < 0.35
    assert moved[-1] == pytest.approx(0.4, abs=0.02)


@settings(max_examples=10, deadline=None)
@given(SEEDS, SHARES)
def test_one_drive_in_twenty_three_times_as_long_moves_little(
    seed: int, truth: list[float]
) -> None:
    drives = drives_of(seed, 400, truth, noise=0.2)
    held_up = [
        Drive(one.bucket, one.class_seconds, one.taken_s * (3 if number % 20 == 0 else 1))
        for number, one in enumerate(drives)
    ]
    clean, stained = (learn(each, CHINA_CITY, learnt_on=TODAY) for each in (drives, held_up))
    ratio = np.array(shares_of(stained)) / np.array(shares_of(clean))
    moved = np.abs(ratio - 1)
    assert moved[2:5].max() < 0.15  # primary, secondary, tertiary: most of the time is there
    assert moved.max() < 0.25
    unseen = drives_of(seed + 1, 100, truth, noise=0)
    totals = [sum(predicted_s(each.profile, one) for one in unseen) for each in (clean, stained)]
    assert totals[1] / totals[0] == pytest.approx(1, abs=0.03)  # least squares: 1.056


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False), SEEDS)
def test_the_order_of_drives_changes_nothing(shuffler: object, seed: int) -> None:
    truth = [0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3]
    drives = drives_of(seed, 30, truth, noise=0.3) + drives_of(
        seed + 1, 20, truth, noise=0.3, bucket=PEAK
    )
    shuffled = list(drives)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    assert learn(shuffled, CHINA_CITY, learnt_on=TODAY) == learn(
        drives, CHINA_CITY, learnt_on=TODAY
    )


def test_hours_without_drives_keep_the_prior() -> None:
    learned = learn(drives_of(1, 100, [0.7] * 7, noise=0.1), CHINA_CITY, learnt_on=TODAY)
    for bucket in set(HourBucket) - {DAY}:
        assert shares_of(learned, bucket) == [1.0] * len(ROAD_CLASSES)
        assert learned.drives_by_bucket[bucket] == 0
        assert bucket not in learned.spread_by_bucket
    assert learned.drives_by_bucket[DAY] == learned.used == 100


def test_no_drives_at_all_give_the_prior() -> None:
    learned = learn([], CHINA_CITY, learnt_on=TODAY)
    assert learned.profile.factors == CHINA_CITY.factors
    assert not learned.profile.class_factors
    assert (learned.used, learned.error_before, learned.error_after) == (0, 0.0, 0.0)


def test_classes_that_always_occur_together_share_what_is_found() -> None:
    chance = np.random.default_rng(4)
    drives = []
    for _ in range(500):
        long_s = float(chance.uniform(300, 900))
        both = (0.0, 0.0, long_s, long_s, 0.0, 0.0, 0.0)
        drives.append(Drive(DAY, both, 2 * long_s / (CHINA_CITY.factors[DAY] * 0.75)))
    learned = learn(drives, CHINA_CITY, learnt_on=TODAY)
    primary, secondary = shares_of(learned)[2:4]
    assert primary == pytest.approx(secondary)
    assert primary == pytest.approx(0.75, abs=0.01)


def test_a_class_without_drives_follows_its_hour() -> None:
    chance = np.random.default_rng(4)
    free = [(0.0, 0.0, *chance.uniform(50, 400, 3).tolist(), 0.0, 0.0) for _ in range(400)]
    drives = [Drive(DAY, each, sum(each) / (CHINA_CITY.factors[DAY] * 0.7)) for each in free]
    shares = shares_of(learn(drives, CHINA_CITY, learnt_on=TODAY))
    assert 0.68 < shares[2] < 0.72
    assert 0.7 < shares[0] < 0.8


def test_what_is_predicted_is_the_median_and_the_spread_tells_the_tail() -> None:
    chance = np.random.default_rng(9)
    drives = [
        Drive(DAY, one.class_seconds, one.taken_s * (1 + float(chance.exponential(0.3))))
        for one in drives_of(9, 1500, [1.0] * 7, noise=0)
    ]
    learned = learn(drives, CHINA_CITY, learnt_on=TODAY)
    late = np.mean([one.taken_s > predicted_s(learned.profile, one) for one in drives])
    assert late == pytest.approx(0.5, abs=0.06)
    early, slow = learned.spread_by_bucket[DAY]
    assert early < 1 < slow
    assert slow - 1 > 1 - early
    below = [one.taken_s < early * predicted_s(learned.profile, one) for one in drives]
    assert np.mean(below) == pytest.approx(0.1, abs=0.01)


def test_the_error_after_is_that_of_drives_not_learnt_from() -> None:
    noise_only = drives_of(2, 12, [1.0] * 7, noise=0.5)
    eager = learn(
        noise_only,
        CHINA_CITY,
        learnt_on=TODAY,
        common_weight=1e-6,
        class_weight=1e-6,
        thin_drives=0,
    )
    assert eager.error_after > eager.error_before  # fitting noise shows
    real = learn(drives_of(2, 300, [0.6] * 7, noise=0.2), CHINA_CITY, learnt_on=TODAY)
    assert real.error_after < 0.6 * real.error_before


def test_lunch_is_no_drive() -> None:
    drives = drives_of(6, 50, [1.0] * 7, noise=0)
    lunch = Drive(DAY, drives[0].class_seconds, drives[0].taken_s * 6)
    learned = learn([*drives, lunch], CHINA_CITY, learnt_on=TODAY)
    assert learned.used == 50
    assert shares_of(learned) == pytest.approx([1.0] * 7, abs=1e-3)


def test_the_learnt_profile_says_what_it_is(tmp_path: object) -> None:
    learned = learn(drives_of(1, 40, [0.7] * 7, noise=0.1), CHINA_CITY, learnt_on=TODAY)
    profile = learned.profile
    assert profile.name == f"{CHINA_CITY.name}+learnt-2026-11-20"
    assert "40 drives" in profile.provenance["class_factors.day"]
    assert profile.speeds_kmh == CHINA_CITY.speeds_kmh
    assert profile.factors[DAY] < CHINA_CITY.factors[DAY]


def test_the_learnt_profile_survives_its_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    learned = learn(drives_of(1, 40, [0.7] * 7, noise=0.1), CHINA_CITY, learnt_on=TODAY)
    path = tmp_path_factory.mktemp("learnt") / "speeds.toml"
    store_profile(learned.profile, path)
    assert load_profile(path) == learned.profile


def test_free_seconds_undo_the_factors_of_a_map() -> None:
    built_with = learn(drives_of(1, 60, [0.8] * 7, noise=0.1), CHINA_CITY, learnt_on=TODAY).profile
    free = (10.0, 20.0, 300.0, 200.0, 100.0, 50.0, 5.0)
    answered = [
        each / built_with.factor(DAY, road) for each, road in zip(free, ROAD_CLASSES, strict=True)
    ]
    assert free_seconds(built_with, DAY, answered) == pytest.approx(free)
    drive = Drive(DAY, free, 900.0)
    assert predicted_s(built_with, drive) == pytest.approx(sum(answered))
    with pytest.raises(ValueError, match="zip"):
        free_seconds(built_with, DAY, answered[:-1])


@pytest.mark.parametrize(
    ("seconds", "taken_s"),
    [
        ((60.0,) * 6, 60.0),
        ((60.0,) * 6 + (-1.0,), 60.0),
        ((60.0,) * 6 + (float("nan"),), 60.0),
        ((0.0,) * 7, 60.0),
        ((60.0,) * 7, 0.0),
        ((60.0,) * 7, float("inf")),
    ],
)
def test_what_is_no_drive_is_refused(seconds: tuple[float, ...], taken_s: float) -> None:
    with pytest.raises(ValueError, match="drive"):
        Drive(DAY, seconds, taken_s)


@pytest.mark.parametrize(
    "weights", [{"common_weight": 0.0}, {"class_weight": -1.0}, {"thin_drives": -1.0}]
)
def test_a_prior_without_weight_is_refused(weights: Mapping[str, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        learn([], CHINA_CITY, learnt_on=TODAY, **weights)


def test_a_prior_with_class_factors_keeps_its_limits() -> None:
    narrow = SpeedProfile(
        **{
            **{name: getattr(CHINA_CITY, name) for name in CHINA_CITY.__slots__},
            "class_factors": {DAY: {RoadClass.PRIMARY: 0.9000001}},
        }
    )
    drives = drives_of(8, 500, [0.4] * 7, noise=0.1)
    learned = learn(drives, narrow, learnt_on=TODAY)
    assert learned.profile.factor(DAY, RoadClass.PRIMARY) == 0.9000001 * 0.5
