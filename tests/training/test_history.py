from bakeoff.training.history import best_epoch, finished


def history(*figures):
    return [
        {"epoch": epoch, "validation_accuracy": accuracy, "validation_loss": loss}
        for epoch, (accuracy, loss) in enumerate(figures, start=1)
    ]


def test_accuracy_decides_then_loss_then_the_first():
    assert best_epoch(history((0.8, 0.3), (0.9, 0.5), (0.9, 0.4), (0.9, 0.4)))["epoch"] == 3


def test_without_accuracy_loss_decides():
    assert best_epoch(history((None, 0.3), (None, 0.2), (None, 0.4)))["epoch"] == 2


def test_an_epoch_whose_loss_is_no_number_is_the_worst():
    assert best_epoch(history((None, float("nan")), (None, 0.4), (None, 0.5)))["epoch"] == 2


def test_training_ends_with_its_epochs_or_its_patience():
    assert not finished([], epochs=4, patience=2)
    assert not finished(history((0.9, 0.1), (0.8, 0.2)), epochs=4, patience=2)
    assert finished(history((0.9, 0.1), (0.8, 0.2), (0.7, 0.3)), epochs=4, patience=2)
    assert not finished(history((0.7, 0.3), (0.8, 0.2), (0.7, 0.3)), epochs=4, patience=2)
    assert finished(history((0.6, 0.3), (0.7, 0.3), (0.8, 0.2), (0.9, 0.1)), epochs=4, patience=2)
    assert not finished(history((0.9, 0.1), (0.8, 0.2), (0.7, 0.3)), epochs=4, patience=0)
    assert finished(history((0.9, 0.1), (0.8, 0.2), (0.7, 0.3)), epochs=3, patience=0)


def test_another_metric_may_decide_in_its_own_direction():
    rows = history((0.8, 0.3), (0.9, 0.5), (0.85, 0.6))
    for row, f1, loss in zip(rows, (0.7, 0.6, 0.75), (0.3, 0.5, 0.6), strict=True):
        row |= {"validation_macro_f1": f1, "validation_log_loss": loss}
    assert best_epoch(rows, "accuracy")["epoch"] == 2
    assert best_epoch(rows, "macro-f1")["epoch"] == 3
    assert best_epoch(rows, "log-loss")["epoch"] == 1
    assert finished(rows, epochs=9, patience=2, metric="log-loss")
    assert not finished(rows, epochs=9, patience=2, metric="macro-f1")


def test_where_the_metric_means_nothing_loss_decides():
    rows = [{**row, "validation_auc": None} for row in history((0.9, 0.3), (0.8, 0.2))]
    assert best_epoch(rows, "auc")["epoch"] == 2
