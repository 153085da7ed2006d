"""Readers and writers of other planners' files: JSON values in, a `Problem` out, and back."""

from dispatch.formats.rich import read_rich, write_rich
from dispatch.formats.vroom import VroomProblem, read_vroom
from dispatch.formats.vroom_answer import write_vroom

__all__ = ["VroomProblem", "read_rich", "read_vroom", "write_rich", "write_vroom"]
