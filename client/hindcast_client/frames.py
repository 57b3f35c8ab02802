"""Tables as frames of pandas, for those who have it."""

from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def frame_of(csv: str, *, index: str) -> "pd.DataFrame":
    """A table that came as text; an empty cell is a missing value. ModuleNotFoundError without pandas."""
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("A frame needs pandas: pip install pandas", name="pandas") from error
    # A row may be called NA.
    return pd.read_csv(StringIO(csv), index_col=index, keep_default_na=False, na_values=[""])
