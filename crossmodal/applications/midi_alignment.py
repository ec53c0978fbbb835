"""A MIDI file laid exactly along a recording of it: from a coarse clock, made of hash values, to one of a few hundredths of a second.

The MIDI's constant-Q frames are warped by the coarse clock, so that what is left is near the diagonal; there a narrow alignment follows
the onsets and pitches of both. Frames that are loud and dense everywhere are nearly alike by cosine, so neighbouring pitches and the
mean of a track are taken away first, as a room's noise and an instrument's colour are the same throughout; where energy rises a note
begins, which the published system (Raffel 2016) does not use.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from crossmodal.alignment.multires import align_near
from crossmodal.applications.midi_query import Frames, at_places
from crossmodal.applications.midi_warping import Grid, clock_of
from encoders.constant_q import CENTRE_SECONDS, FRAMES_PER_SECOND
from pairs.midi_music import Clock

FRAMES = Grid(1 / FRAMES_PER_SECOND, CENTRE_SECONDS, 6, 12)
RADIUS = 24  # frames (1.1 s) by which the coarse clock may be wrong
PENALTY = 0.1  # of frames that are left out or doubled
CORNER_SECONDS = 0.25
NEIGHBOURS = 5  # bins that a pitch is compared with, itself among them
RISE_FRAMES, RISE_WEIGHT = 2, 4.0
LATE_SECONDS = 0.012  # that sound rises after its note begins: the median over the works to tune on
FAINT = 0.3  # length below which a vector counts as less than one


def refined(clock: Clock, midi: Frames, recording: Frames) -> Clock:
    """A clock from the MIDI's seconds to the recording's, exact where `clock` is right to about a second.

    midi, recording: frames (t, 48), the MIDI in the recording's key. Where less than a second of both lies together, `clock` as it is.
    """
    seconds = np.arange(len(recording), dtype=np.float64) * FRAMES.hop + FRAMES.centre
    places = (clock.inverse(seconds) - FRAMES.centre) / FRAMES.hop
    inside = np.flatnonzero((places >= 0) & (places <= len(midi) - 1))
    if len(inside) < RADIUS:
        return clock
    first, last = (
        max(0, int(inside[0]) - RADIUS),
        int(inside[-1]) + 1 + RADIUS,
    )  # where it begins and ends may be wrong too
    warped = at_places(midi, places[first:last])
    warped[(places[first:last] < 0) | (places[first:last] > len(midi) - 1)] = 0
    warped, heard = described(warped), described(recording)[first:last]
    path = align_near(warped, heard, radius=RADIUS, weights_add=(0.0, PENALTY, PENALTY))
    drift, begin = clock_of(path, FRAMES, midi_rows=True), first * FRAMES.hop
    count = max(2, round((clock.source[-1] - clock.source[0]) / CORNER_SECONDS))
    corners = np.linspace(clock.source[0], clock.source[-1], count)
    return Clock(corners, drift(clock(corners) - begin) + begin - LATE_SECONDS)


def described(frames: Frames) -> Frames:
    """Frames (t, 48) -> (t, 96), at most of length 1: pitches beside their neighbours and the track's mean, and rises of energy."""
    sounding = frames.max(axis=1) > 0
    pitches = frames - uniform_filter1d(frames, NEIGHBOURS, axis=1, mode="nearest")
    if sounding.any():
        pitches = pitches - pitches[sounding].mean(axis=0)
    lengths = np.linalg.norm(pitches, axis=1, keepdims=True)
    pitches = np.where(sounding[:, None], pitches / np.maximum(lengths, 1e-6), 0)
    rises = np.zeros_like(frames)
    rises[RISE_FRAMES:] = np.maximum(frames[RISE_FRAMES:] - frames[:-RISE_FRAMES], 0) ** 2
    usual = 2 * float(np.linalg.norm(rises, axis=1).mean()) or 1.0
    both = np.concatenate([pitches, RISE_WEIGHT * rises / usual], axis=1)
    return np.asarray(both / np.maximum(np.linalg.norm(both, axis=1, keepdims=True), FAINT), np.float32)
