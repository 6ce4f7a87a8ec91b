import pytest

from bakeoff.training.settings import TrainingSettings


def test_a_small_data_set_is_planned_no_more_work_than_four_times_as_much():
    # 1,050 and 4,200 rows in batches of 64, of `--limit 1500` and `--limit 6000`.
    settings = TrainingSettings(epochs=4, least_steps=500, batch_size=64)
    assert settings.planned_epochs(17) == 30
    assert settings.planned_epochs(66) == 8
    assert 17 * 30 < 66 * 8


@pytest.mark.parametrize("least_steps", [0, 78, 500])
@pytest.mark.parametrize("times", [2, 3, 4, 10])
def test_multiples_of_the_data_have_as_many_steps_at_least(least_steps, times):
    settings = TrainingSettings(epochs=4, least_steps=least_steps)

    def steps(per_epoch):
        return settings.planned_epochs(per_epoch) * per_epoch

    assert all(steps(few) <= steps(times * few) for few in range(1, 300))


def test_large_data_has_its_epochs_alone():
    settings = TrainingSettings(epochs=4, least_steps=500)
    assert settings.planned_epochs(125) == 4
    assert settings.planned_epochs(124) == 5
    assert settings.resolved(124).planned_epochs(10_000) == 5
