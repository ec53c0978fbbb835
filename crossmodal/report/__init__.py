"""One self-contained page: tables, charts, a map and audio players in a single HTML file that works offline.

    write_report("report.html", [Section("Search", [Paragraph("..."), Table(columns, rows, caption)])],
    title="Demo")

Blocks are plain data; each renders itself. Whatever comes from files (names, tags, captions) is escaped; a
content security policy allows nothing but the page's own script and style, by their hashes.
"""

from crossmodal.report.audio import AudioClip, embed_audio
from crossmodal.report.blocks import AudioEntry, AudioList, Command, Paragraph, Table
from crossmodal.report.charts import Bar, BarChart, LineChart, Series
from crossmodal.report.page import Section, write_report
from crossmodal.report.picture import Picture
from crossmodal.report.scatter import Point, ScatterMap

__all__ = [
    "AudioClip",
    "AudioEntry",
    "AudioList",
    "Bar",
    "BarChart",
    "Command",
    "LineChart",
    "Paragraph",
    "Picture",
    "Point",
    "ScatterMap",
    "Section",
    "Series",
    "Table",
    "embed_audio",
    "write_report",
]
