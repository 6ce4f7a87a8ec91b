"""S3 in a test's own process, which fails as it is told."""

from bakeoff.patience import RemoteError, StoreAwayError
from bakeoff.s3 import Folder


class Store(Folder):
    """S3 in this process, which may be away, or refuse."""

    def __init__(self, place, files=None, state=None):
        super().__init__(place)
        self.files = {} if files is None else files
        self.state = {"away": False} if state is None else state

    def __truediv__(self, name):
        return Store(f"{self.place}/{name}", self.files, self.state)

    def _ask(self, patience):
        if self.state.get("refuses"):
            raise RemoteError("cannot read s3://bucket: Access Denied")
        while self.state["away"]:
            if patience <= 0 or "clock" not in self.state:
                raise StoreAwayError("cannot reach S3")
            self.state["clock"].sleep(1.0)
            patience -= 1.0

    def read(self, name, *, patience=0.0):
        self._ask(patience)
        return self.files.get(f"{self.place}/{name}")

    def write(self, name, content, *, patience=0.0):
        self._ask(patience)
        self.files[f"{self.place}/{name}"] = content

    def names(self, *, patience=0.0):
        self._ask(patience)
        start = f"{self.place}/"
        return sorted(n.removeprefix(start) for n in self.files if n.startswith(start))

    def folders(self, *, patience=0.0):
        return sorted({name.split("/")[0] for name in self.names(patience=patience) if "/" in name})
