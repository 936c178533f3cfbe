"""What is taken for a recording: by its first bytes, whatever its name says."""

from __future__ import annotations

from enum import Enum

__all__ = ["HEAD", "Audio", "audio_of", "may_be_audio"]

#: So many first bytes tell.
HEAD = 12


class Audio(Enum):
    """A kind of file: the ending of its name, and its content type."""

    MP3 = ("mp3", "audio/mpeg")
    WAV = ("wav", "audio/wav")
    OGG = ("ogg", "audio/ogg")

    def __init__(self, ending: str, content_type: str) -> None:
        self.ending, self.content_type = ending, content_type


def audio_of(head: bytes) -> Audio | None:
    """The kind of a file that begins with these bytes; None: no recording that we know."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return Audio.WAV
    if head[:4] == b"OggS":
        return Audio.OGG
    # an MPEG frame: eleven set bits, then a layer (AAC has none)
    frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0
    return Audio.MP3 if frame or head[:3] == b"ID3" else None


def may_be_audio(content_type: str) -> bool:
    """Whether a declared type does not speak against it; object stores call everything an octet-stream."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("audio/") or kind in {
        "", "application/octet-stream", "binary/octet-stream", "application/ogg",
    }  # fmt: skip
