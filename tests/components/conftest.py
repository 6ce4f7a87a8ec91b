import pytest
import torch

from bakeoff import events


@pytest.fixture(scope="module", autouse=True)
def alone():
    """Without W&B, and with torch left as it was found."""
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        patch.delenv(events.VARIABLE, raising=False)
        yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.set_flush_denormal(False)
