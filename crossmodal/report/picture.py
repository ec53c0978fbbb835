"""A picture inside the page."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from crossmodal.report.html import Context, escape, figure


@dataclass(frozen=True)
class Picture:
    """A PNG. about: what it shows, for those who cannot see it too."""

    title: str
    data: bytes
    about: str

    def render(self, context: Context) -> str:
        """A figure; wide ones shrink to the page."""
        source = f"data:image/png;base64,{base64.b64encode(self.data).decode('ascii')}"
        image = f'<img src="{source}" alt="{escape(self.about)}">'
        return figure(self.title, f'{image}<p class="note">{escape(self.about)}</p>')
