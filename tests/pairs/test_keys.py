"""Keys by profile correlation."""

from __future__ import annotations

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from pairs.keys import MAJOR, MINOR, Key, find_key, key_fits, shift_between


@pytest.mark.parametrize("tonic", range(12))
def test_a_profile_is_of_its_own_key(tonic: int) -> None:
    for minor, template in ((False, MAJOR), (True, MINOR)):
        key = find_key(np.roll(template, tonic))
        assert (key.tonic, key.minor) == (tonic, minor) and key.fit == pytest.approx(1.0)


def test_fits_are_correlations() -> None:
    profile = np.random.default_rng(0).random(12)
    fits = key_fits(profile)
    for tonic in range(12):
        for row, template in enumerate((MAJOR, MINOR)):
            assert fits[row, tonic] == pytest.approx(np.corrcoef(np.roll(template, tonic), profile)[0, 1])


def test_relative_keys_need_no_shift() -> None:
    c_major, a_minor, d_major, f_sharp = Key(0, False, 1), Key(9, True, 1), Key(2, False, 1), Key(6, False, 1)
    assert shift_between(c_major, a_minor) == 0 == shift_between(a_minor, c_major)
    assert shift_between(c_major, d_major) == 2 and shift_between(d_major, a_minor) == -2
    assert shift_between(c_major, f_sharp) == 6
    assert a_minor.name == "A minor" and a_minor.signature == 0


def test_flat_and_empty_profiles_are_refused() -> None:
    for profile in (np.zeros(12), np.ones(12), np.ones(5), np.full(12, np.nan)):
        with pytest.raises(InputError, match="12 pitch classes"):
            find_key(profile)
